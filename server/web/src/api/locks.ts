/** Mutual exclusion between the tabs of one browser. */

const SETTLE_MS = 60;
const HOLD_MS = 12_000;

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

interface Claim {
  holder: string;
  until: number;
}

function readClaim(key: string): Claim | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") as Claim | null;
  } catch {
    return null;
  }
}

/** Write a claim, let the other tabs' writes settle, and hold only if ours is the one that stayed. */
async function claim(key: string, holder: string): Promise<boolean> {
  const held = readClaim(key);
  if (held && held.until > Date.now() && held.holder !== holder) return false;
  localStorage.setItem(key, JSON.stringify({ holder, until: Date.now() + HOLD_MS } satisfies Claim));
  await pause(SETTLE_MS);
  return readClaim(key)?.holder === holder;
}

async function withStoredLock<T>(key: string, work: () => Promise<T>): Promise<T> {
  const holder = randomId();
  while (!(await claim(key, holder))) await pause(SETTLE_MS + Math.random() * SETTLE_MS);
  try {
    return await work();
  } finally {
    if (readClaim(key)?.holder === holder) localStorage.removeItem(key);
  }
}

/**
 * Run `work` while no other tab runs its own under the same name. Web Locks exist on secure origins only,
 * so a server tried out over plain HTTP in a local network takes claims in storage instead.
 */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (navigator.locks) return (await navigator.locks.request(name, work)) as T;
  return withStoredLock(`${name}.lock`, work);
}

/** 128 random bits in hex; unlike crypto.randomUUID it works on insecure origins too. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
