/**
 * The one Socket.IO connection of the page. It is opened by the first page that needs it, says who is
 * signed in, and comes back by itself; what must be told again after a reconnect hangs on `onConnect`.
 */
import { effect, signal } from "@preact/signals";
import type { Socket } from "socket.io-client";
import { accessToken, distrust, endedByServer, me } from "../api/session";
import type { ClientEvents, ServerEvents } from "../api/schema";
import type { Me } from "../api/types";
import { mostMs, refusedMs } from "./backoff";
import { t } from "./words";

export type Connection = "idle" | "connecting" | "online" | "reconnecting" | "draining";

export const connection = signal<Connection>("idle");

const ACK_TIMEOUT_MS = 8000;
const FIRST_WAIT_MS = 500;
/** An attempt whose answer does not come is not waited for longer than this. */
const CONNECT_MS = 6000;
const IDENTIFY_AGAIN_MS = 1500;

export interface AskFailure {
  code: string;
  message: string;
  retry_after_ms?: number;
  field?: string;
}

/** A refused event, or one whose answer never came (`code` is then `offline` or `timeout`). */
export class AskError extends Error {
  readonly code: string;
  readonly retryAfterMs: number | null;

  constructor(failure: AskFailure) {
    super(failure.message);
    this.name = "AskError";
    this.code = failure.code;
    this.retryAfterMs = failure.retry_after_ms ?? null;
  }

  /** Nobody knows whether it was carried out: ask the same again. */
  get isUnanswered(): boolean {
    return this.code === "offline" || this.code === "timeout";
  }
}

type Handler = (body: never) => void;

let socket: Socket | null = null;
let opening: Promise<Socket> | null = null;
let lastToken: string | null = null;
let refusals = 0;
/** Since when it has been tried in vain, on the clock of performance.now(). */
let awaySince: number | null = null;
let handshakes = 0;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
const handlers = new Map<string, Set<Handler>>();
const connectHandlers = new Set<() => void>();

async function open(): Promise<Socket> {
  const { io } = await import("socket.io-client");
  const made = io({
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    autoConnect: false,
    reconnectionDelay: FIRST_WAIT_MS,
    reconnectionDelayMax: mostMs(0),
    randomizationFactor: 0.3,
    timeout: CONNECT_MS,
    auth: (answer) => void identify(answer),
  });
  made.io.on("reconnect_attempt", () => {
    awaySince ??= performance.now();
    made.io.reconnectionDelayMax(mostMs(performance.now() - awaySince));
  });
  made.on("connect", () => {
    refusals = 0;
    awaySince = null;
    made.io.reconnectionDelayMax(mostMs(0));
    clearTimeout(retryTimer);
    connection.value = "online";
    for (const handler of connectHandlers) handler();
  });
  made.on("disconnect", (reason) => {
    if (connection.peek() !== "draining") connection.value = reason === "io client disconnect" ? "idle" : "reconnecting";
    if (reason === "io server disconnect") reconnectIn(1000);
  });
  made.on("connect_error", (error) => {
    connection.value = "reconnecting";
    const code = (error as { data?: { code?: string } }).data?.code;
    // Without a code it is the network, which the library retries by itself.
    if (!made.active) refused(code);
  });
  made.on("session:revoked", () => endedByServer());
  made.on("server:draining", (body: { reconnect_in_ms?: number }) => {
    connection.value = "draining";
    reconnectIn(body?.reconnect_in_ms ?? 1000, true);
  });
  made.onAny((event: string, body: unknown) => {
    for (const handler of handlers.get(event) ?? []) handler(body as never);
  });
  socket = made;
  return made;
}

/** Answers once it is known who this is: a person whose token cannot be renewed yet is not let in as a guest. */
async function identify(answer: (auth: Record<string, string>) => void): Promise<void> {
  const handshake = ++handshakes;
  while (handshake === handshakes) {
    try {
      lastToken = await accessToken();
      if (handshake === handshakes) answer(lastToken ? { token: lastToken } : {});
      return;
    } catch {
      await new Promise((done) => setTimeout(done, IDENTIFY_AGAIN_MS));
    }
  }
}

/** The server said no to the handshake: try again with a fresh token, ever more slowly. */
function refused(code: string | undefined): void {
  if (code !== undefined) distrust(lastToken);
  refusals += 1;
  reconnectIn(refusedMs(refusals));
}

function reconnectIn(ms: number, drop = false): void {
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => {
    if (drop) socket?.disconnect();
    connection.value = "reconnecting";
    socket?.connect();
  }, ms);
}

/** Open the connection if it is not open yet. */
export function connect(): void {
  if (socket) {
    if (!socket.connected && !socket.active) socket.connect();
    return;
  }
  if (opening) return;
  connection.value = "connecting";
  opening = open();
  opening.then(
    (made) => made.connect(),
    () => {
      opening = null;
      connection.value = "reconnecting";
      setTimeout(connect, 3000);
    },
  );
}

/** Sockets are refused to who has yet to change a one-time password. */
const admitted = (user: Me | null): string | null => (user && !user.must_change_password ? user.id : null);

/** Whoever signs in or out talks on under the new name: the connection is made anew. */
export function followIdentity(): void {
  let known: string | null = admitted(me.peek());
  effect(() => {
    const id = admitted(me.value);
    if (id !== known && socket) socket.disconnect().connect();
    known = id;
    if (id) connect();
  });
}

/** Hear an event until the returned function is called. */
export function hear<E extends keyof ServerEvents>(event: E, handler: (body: ServerEvents[E]) => void): () => void {
  const set = handlers.get(event) ?? new Set<Handler>();
  handlers.set(event, set.add(handler as Handler));
  return () => void set.delete(handler as Handler);
}

/** Run now if connected, and after every later connect, until the returned function is called. */
export function onConnect(handler: () => void): () => void {
  connectHandlers.add(handler);
  if (socket?.connected) handler();
  return () => void connectHandlers.delete(handler);
}

/** One event and its acknowledgement. Throws AskError; nothing is queued while there is no connection. */
export async function ask<E extends keyof ClientEvents>(
  event: E,
  body: ClientEvents[E]["body"],
  timeoutMs = ACK_TIMEOUT_MS,
): Promise<ClientEvents[E]["ack"]> {
  if (!socket?.connected) throw new AskError({ code: "offline", message: t("notConnected") });
  let answer: ClientEvents[E]["ack"] | { ok: false; error: AskFailure };
  try {
    answer = await socket.timeout(timeoutMs).emitWithAck(event, body);
  } catch {
    throw new AskError({ code: "timeout", message: t("noAnswer") });
  }
  if ("error" in answer) throw new AskError(answer.error);
  return answer;
}

/** An event whose fate nobody waits for. */
export function tell<E extends keyof ClientEvents>(event: E, body: ClientEvents[E]["body"]): void {
  if (socket?.connected) socket.emit(event, body, () => undefined);
}
