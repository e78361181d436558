/**
 * Who is signed in. The access token lives in memory only; the refresh token in a cookie that no script reads,
 * shared by all tabs. It may be presented once in its life, so it is exchanged under a lock that spans the tabs.
 * localStorage tells the tabs who it is.
 */
import { signal } from "@preact/signals";
import { ApiError, request, type Request } from "./http";
import { exclusively } from "./locks";
import type { Body, Me, TokenPair } from "./types";

const STORED = "sf.session";
const LOCK = "sf.refresh";
const EXPECTED = "sf.expected";
/** As long as the server remembers a sign-in that was begun at a provider. */
const EXPECTED_MS = 600_000;
/** Renew this long before the end, so that a token never expires on its way to the server. */
const MARGIN_MS = 60_000;

interface Stored {
  user: Me;
  /** Of a session that began before tokens lay in the cookie; exchanged once for one that does. */
  refresh_token?: string;
}

interface Access {
  token: string;
  until: number;
}

export type SessionEnd = "signed-out" | "revoked" | "expired";

export const me = signal<Me | null>(null);

/** A moderator of the server who is no admin, and so sees a part of the administration. */
export const isModerator = (user: typeof me.value): boolean =>
  Boolean(user?.roles?.includes("moderator") && !user.roles.includes("admin"));
/** Set when a session ended by something other than this person's click; the shell shows it once. */
export const sessionEnded = signal<SessionEnd | null>(null);

let access: Access | null = null;
/** The person ends the session by what they do: the server's news of it is none. */
let isLeaving = false;
let renewing: Promise<string | null> | null = null;
const tabs = "BroadcastChannel" in globalThis ? new BroadcastChannel("sf.session") : null;

function stored(): Stored | null {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "null") as Stored | null;
  } catch {
    return null;
  }
}

function keep(pair: TokenPair): void {
  access = { token: pair.access_token, until: Date.now() + pair.expires_in * 1000 };
  localStorage.setItem(STORED, JSON.stringify({ user: pair.user } satisfies Stored));
  setUser(pair.user);
  tabs?.postMessage(access);
}

/** A refresh gives a new user object each time; only a real difference may redraw pages or reconnect sockets. */
function setUser(user: Me | null): void {
  if (JSON.stringify(me.peek()) !== JSON.stringify(user)) me.value = user;
}

function forget(end: SessionEnd): void {
  access = null;
  localStorage.removeItem(STORED);
  if (me.peek() && end !== "signed-out") sessionEnded.value = end;
  me.value = null;
}

/** Take up what an earlier visit or another tab left. Call once, before the first page is drawn. */
export function resumeSession(): void {
  me.value = stored()?.user ?? null;
  addEventListener("storage", (event) => {
    if (event.key === STORED) adopt();
  });
  tabs?.addEventListener("message", (event: MessageEvent<Access>) => {
    if (me.peek()) access = event.data;
  });
}

function adopt(): void {
  const found = stored();
  if (!found || found.user.id !== me.peek()?.id) access = null;
  setUser(found?.user ?? null);
}

async function renew(): Promise<string | null> {
  return exclusively(LOCK, async () => {
    if (access && access.until - Date.now() > MARGIN_MS) return access.token;
    const found = stored();
    if (!found) return null;
    try {
      const old = found.refresh_token;
      const body = old ? { refresh_token: old, session: "cookie" } : undefined;
      keep(await request<TokenPair>("/auth/refresh", { method: "POST", body }));
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 400 || error.status === 422)) {
        forget("expired");
        return null;
      }
      throw error;
    }
    return access?.token ?? null;
  });
}

/** An overlay acts with the key of its address, whoever is signed in beside it. */
const overlayKey = (): string | null =>
  /^\/overlay\//.test(globalThis.location?.pathname ?? "") ? new URLSearchParams(globalThis.location.search).get("key") : null;

/** A token good for at least a moment, or null for a guest. Throws ApiError when the server cannot be asked. */
export async function accessToken(): Promise<string | null> {
  const key = overlayKey();
  if (key !== null) return key;
  if (access && access.until - Date.now() > MARGIN_MS) return access.token;
  if (!stored()) return null;
  renewing ??= renew().finally(() => (renewing = null));
  return renewing;
}

/** The server refused this token before its time: get another. */
export function distrust(token: string | null): void {
  if (access && access.token === token) access = null;
}

/** The codes of a 401 that is about the token, as `Unauthorized` of the server names them. */
export const isOfToken = (error: unknown): boolean => error instanceof ApiError && error.status === 401 && error.code.startsWith("token-");

/** A request in the person's name, or as a guest; one retry when the token was refused. */
export async function call<T>(path: string, options: Request = {}): Promise<T> {
  const token = await accessToken();
  try {
    return await request<T>(path, { ...options, token });
  } catch (error) {
    if (!token || !isOfToken(error)) throw error;
    distrust(token);
    return request<T>(path, { ...options, token: await accessToken() });
  }
}

export async function signIn(login: string, password: string, totp?: string): Promise<void> {
  const body = { login, password, session: "cookie", ...(totp ? { totp } : {}) };
  keep(await request<TokenPair>("/auth/login", { method: "POST", body }));
}

/** Sign in by the code that a provider's callback leads back with. Throws a 401 `totp-required` where one is due. */
export async function signInByCode(code: string, totp?: string): Promise<void> {
  const body = { code, session: "cookie", ...(totp ? { totp } : {}) } satisfies Body<"exchangeOAuth">;
  keep(await request<TokenPair>("/auth/oauth/exchange", { method: "POST", body }));
}

export async function signInByPasskey(shown: Body<"passkeyReauthenticate">): Promise<void> {
  keep(await request<TokenPair>("/auth/passkeys/login", { method: "POST", body: { ...shown, session: "cookie" } }));
}

/** This tab goes to a provider, whose callback may lead back with the cookie of a session. */
export function expectSession(): void {
  localStorage.setItem(EXPECTED, String(Date.now() + EXPECTED_MS));
}

/** Take up the session that a callback began, if one was expected. Once, after `resumeSession`. */
export async function takeUpExpected(): Promise<void> {
  const until = Number(localStorage.getItem(EXPECTED) ?? 0);
  localStorage.removeItem(EXPECTED);
  // A callback without a session says in the fragment why, or with which code it goes on.
  if (stored() || until < Date.now() || location.hash) return;
  try {
    await exclusively(LOCK, async () => keep(await request<TokenPair>("/auth/refresh", { method: "POST" })));
  } catch {
    // There is none: the person turned back at the provider, or was refused there.
  }
}

export async function register(username: string, email: string, password: string): Promise<void> {
  keep(await request<TokenPair>("/auth/register", { method: "POST", body: { username, email, password, session: "cookie" } }));
}

/** Signs out here at once; the server is told, and if it is away its tokens run out by themselves. */
export async function signOut(): Promise<void> {
  const token = await accessToken().catch(() => null);
  forget("signed-out");
  await request("/auth/logout", { method: "POST", token }).catch(() => undefined);
}

/** The server ended this session, for example from another device. */
export function endedByServer(): void {
  if (!isLeaving && overlayKey() === null) forget("revoked");
}

/** What ends all sessions of the person, such as the deletion of their account; then they are signed out here. */
export async function leave(act: () => Promise<void>): Promise<void> {
  isLeaving = true;
  try {
    await act();
    forget("signed-out");
  } finally {
    isLeaving = false;
  }
}

/** What the token says of its person is out of date: get another. */
export async function renewToken(): Promise<void> {
  access = null;
  await accessToken();
}

export async function reloadMe(): Promise<void> {
  if (stored()) updateMe(await call<Me>("/me"));
}

export function updateMe(user: Me): void {
  const found = stored();
  if (!found) return;
  localStorage.setItem(STORED, JSON.stringify({ ...found, user } satisfies Stored));
  setUser(user);
}
