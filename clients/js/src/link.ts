/** The client's connection for as long as it is wanted: lost ones are replaced, and what was asked is asked again. */
import { io, type Socket } from "socket.io-client";
import { ClientClosed, ConnectionLost, DeadlineExceeded, type Refusal, Refused, SessionRevoked, SignInRequired, SocialFlowError } from "./errors.js";
import type { ClientEvents } from "./schema.js";
import type { Tokens } from "./tokens.js";
import { Change, pauseMs, sleep } from "./waiting.js";

const TOKEN_CODES = new Set(["token_invalid", "token_expired"]);
/** Connections of before may still be counted: the handshake is tried again. */
const PASSING_CODES = new Set(["too_many_connections", "too_many_guests", "unavailable"]);
const ACK_MS = 10_000;
const CONNECT_MS = 10_000;
const MAX_DRAIN_MS = 60_000;

export type EventName = keyof ClientEvents;
export type Ack<E extends EventName> = ClientEvents[E]["ack"];
type Answer<E extends EventName> = (Ack<E> & { ok: true }) | { ok: false; error: Refusal };

export interface LinkView {
  /** In the order in which the server sent them. */
  onEvent: (event: string, body: never) => void;
  /** After each connection, and after each loss. */
  onChange: () => void;
}

export class Link {
  readonly #url: string;
  readonly #tokens: Tokens;
  readonly #view: LinkView;
  readonly #change = new Change();
  #socket: Socket | null = null;
  #token: string | null = null;
  #isRenewed = false;
  #refusals = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #connections = 0;
  failure: SocialFlowError | null = null;
  last: Error | null = null;

  constructor(url: string, tokens: Tokens, view: LinkView) {
    this.#url = url;
    this.#tokens = tokens;
    this.#view = view;
  }

  /** Which connection this is, from 1; 0 while there is none. */
  get connection(): number {
    return this.#socket?.connected ? this.#connections : 0;
  }

  close(): void {
    this.#fail(new ClientClosed("the client was closed"));
  }

  async #ready(): Promise<Socket> {
    for (;;) {
      if (this.failure) throw this.failure;
      if (this.#socket?.connected) return this.#socket;
      this.#socket ??= this.#open();
      await this.#change.wait();
    }
  }

  /**
   * On the present connection, and not again. `then` is called in the turn in which the acknowledgement arrives, before
   * any later event.
   */
  async askOnce<E extends EventName>(event: E, body: ClientEvents[E]["body"], then?: (answer: Ack<E>) => void, timeoutMs = ACK_MS): Promise<Ack<E>> {
    const socket = await this.#ready();
    return new Promise((done, fail) => {
      socket.timeout(timeoutMs).emit(event, body, (error: Error | null, answer: Answer<E>) => {
        if (error) return fail(this.failure ?? new ConnectionLost(`${event}: ${error.message}`));
        if (!answer.ok) return fail(new Refused((answer as { error: Refusal }).error));
        then?.(answer as Ack<E>);
        done(answer as Ack<E>);
      });
    });
  }

  /** Until it is acknowledged: for what may be asked again without being carried out twice. */
  async ask<E extends EventName>(event: E, body: ClientEvents[E]["body"], deadlineMs = 30_000): Promise<Ack<E>> {
    const endsAt = performance.now() + deadlineMs;
    const clientId = "client_id" in body && typeof body.client_id === "string" ? body.client_id : null;
    const late = (): DeadlineExceeded => new DeadlineExceeded(`${event}: ${this.last?.message ?? "no connection"}`, clientId);
    for (let attempt = 0; ; attempt++) {
      try {
        return await within(this.askOnce(event, body), endsAt - performance.now(), late);
      } catch (error) {
        let waitMs = pauseMs(attempt);
        if (error instanceof Refused) {
          if (error.retryAfterMs === null) throw error;
          waitMs = error.retryAfterMs;
        } else if (!(error instanceof ConnectionLost)) throw error;
        this.last = error;
        if (performance.now() + waitMs > endsAt) throw error instanceof Refused ? error : late();
        await sleep(waitMs);
      }
    }
  }

  // The connection's life.

  #open(): Socket {
    const socket = io(this.#url, {
      transports: ["websocket"],
      forceNew: true,
      reconnectionDelay: 250,
      reconnectionDelayMax: 15_000,
      randomizationFactor: 0.5,
      timeout: CONNECT_MS,
      auth: (give) => void this.#identify(give),
    });
    socket.on("connect", () => {
      this.#connections += 1;
      this.#refusals = 0;
      this.#isRenewed = false;
      this.#changed();
    });
    socket.on("disconnect", (reason) => {
      if (reason === "io server disconnect") this.#connectIn(pauseMs(0));
      this.#changed();
    });
    socket.on("connect_error", (error) => {
      this.last = error;
      // Without a code it is the network, which the library retries by itself.
      const code = (error as { data?: { code?: string } }).data?.code;
      if (!socket.active) void this.#refused(code ?? "", error.message);
    });
    socket.on("session:revoked", (body: { reason?: string }) => this.#fail(new SessionRevoked(body.reason ?? "")));
    socket.on("server:draining", (body: { reconnect_in_ms?: number }) => this.#drain(body.reconnect_in_ms ?? 1000));
    socket.onAny((event: string, body: unknown) => this.#view.onEvent(event, body as never));
    return socket;
  }

  async #identify(give: (auth: Record<string, string>) => void): Promise<void> {
    try {
      this.#token = await this.#tokens.current();
      give(this.#token === null ? {} : { token: this.#token });
    } catch (error) {
      this.#fail(error instanceof SocialFlowError ? error : new SocialFlowError(String(error)));
    }
  }

  async #refused(code: string, message: string): Promise<void> {
    const mayRenew = TOKEN_CODES.has(code) && !this.#isRenewed;
    try {
      if (mayRenew) {
        this.#isRenewed = true;
        await this.#tokens.renewed(this.#token);
      } else if (code && !PASSING_CODES.has(code)) {
        throw TOKEN_CODES.has(code) || code === "token_revoked" ? new SignInRequired({ code, message }) : new Refused({ code, message });
      }
      this.#connectIn(mayRenew ? 0 : pauseMs(this.#refusals++));
    } catch (error) {
      this.#fail(error instanceof SocialFlowError ? error : new SocialFlowError(String(error)));
    }
  }

  /** Come back at the time that the server gave, not before. */
  #drain(ms: number): void {
    this.#socket?.io.reconnection(false);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#socket?.io.reconnection(true);
      this.#socket?.disconnect().connect();
    }, Math.min(MAX_DRAIN_MS, Math.max(0, ms)));
  }

  #connectIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket?.connect(), ms);
  }

  #fail(failure: SocialFlowError): void {
    this.failure ??= failure;
    clearTimeout(this.#timer);
    this.#socket?.disconnect();
    this.#changed();
  }

  #changed(): void {
    this.#view.onChange();
    this.#change.tell();
  }
}

/** The answer, or the error that `late` makes after `ms`. */
export function within<T>(answer: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(late()), Math.max(0, ms));
    answer.then(done, fail).finally(() => clearTimeout(timer));
  });
}
