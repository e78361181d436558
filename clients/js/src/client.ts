/** The client of one server, for one person or a guest. */
import { ClientClosed, DeadlineExceeded } from "./errors.js";
import { Feed, type Stream } from "./feed.js";
import { type Ack, type EventName, Link, within } from "./link.js";
import { type CallOptions, Rest } from "./rest.js";
import { Room } from "./room.js";
import type { ClientEvents, Operations, ServerEvents } from "./schema.js";
import { passwordLogin, type Renew, type TokenPair, Tokens } from "./tokens.js";

export interface ClientOptions {
  /** An API token, an access token, or a function that answers one whenever the last is no longer taken. None: a guest. */
  token?: string | Renew;
}

export interface RoomOptions {
  /** How many messages may wait to be read. */
  limit?: number;
  deadlineMs?: number;
}

export type Clip = Operations["makeClip"]["answer"]["clip"];
export type CreatedStream = Operations["createStream"]["answer"];

type Handler = (body: never) => void;

/** It connects when it is first needed, and reconnects by itself, until `close`. */
export class Client {
  readonly #tokens: Tokens;
  readonly #rest: Rest;
  readonly #link: Link;
  readonly #rooms = new Map<Room, Feed>();
  readonly #handlers = new Map<string, Set<Handler>>();
  readonly #prefix = crypto.randomUUID().slice(-12);
  #numbers = 0;

  constructor(url: string, { token }: ClientOptions = {}) {
    const base = url.replace(/\/+$/, "");
    this.#tokens = new Tokens(token ?? null);
    this.#rest = new Rest(base, this.#tokens);
    this.#link = new Link(base, this.#tokens, {
      onEvent: (event, body) => {
        for (const feed of this.#rooms.values()) feed.receive(event as keyof ServerEvents, body);
        for (const handler of this.#handlers.get(event) ?? []) handler(body);
      },
      onChange: () => {
        for (const feed of this.#rooms.values()) feed.connectionChanged();
      },
    });
  }

  /** By user name or address, and password; the tokens are renewed by themselves. */
  static login(url: string, login: string, password: string, totp?: string): Client {
    const client = new Client(url);
    const post = async (path: string, body: object): Promise<TokenPair> =>
      (await client.#rest.call("POST", path, { body, isSigned: false })) as TokenPair;
    client.#tokens.renewBy(passwordLogin(post, { login, password, ...(totp === undefined ? {} : { totp }) }));
    return client;
  }

  /** Loops end, and what waits throws `ClientClosed`. */
  close(): void {
    for (const feed of this.#rooms.values()) feed.end(new ClientClosed("the client was closed"));
    this.#link.close();
    this.#rest.close();
  }

  /** The chat of a stream, counted among its viewers. */
  watch(streamId: string, options: RoomOptions = {}): Promise<Room> {
    return this.#enter("", streamId, options);
  }

  /** A room by its own id, without watching. */
  join(roomId: string, options: RoomOptions = {}): Promise<Room> {
    return this.#enter(roomId, null, options);
  }

  async #enter(roomId: string, streamId: string | null, { limit = 1000, deadlineMs = 30_000 }: RoomOptions): Promise<Room> {
    const isOwn = (clientId: string | undefined): boolean => clientId?.startsWith(`${this.#prefix}-`) ?? false;
    const feed = new Feed({ link: this.#link, isOwn, roomId, streamId, limit: Math.max(1, limit) });
    const room = new Room(this.#link, feed, {
      newClientId: () => `${this.#prefix}-${++this.#numbers}`,
      forget: (one) => this.#rooms.delete(one) && [...this.#rooms.keys()].every((other) => other.id !== one.id),
      listen: (event, handler) => this.on(event, handler),
    });
    this.#rooms.set(room, feed);
    try {
      await within(feed.open(), deadlineMs, () => new DeadlineExceeded(`the room was not entered: ${this.#link.last?.message ?? "no answer"}`));
    } catch (error) {
      this.#rooms.delete(room);
      feed.end(new ClientClosed("the room was not entered"));
      throw error;
    }
    return room;
  }

  /** Hear an event of `/asyncapi.json` until the returned function is called. */
  on<E extends keyof ServerEvents>(event: E, handler: (body: ServerEvents[E]) => void): () => void {
    const handlers = this.#handlers.get(event) ?? new Set<Handler>();
    this.#handlers.set(event, handlers.add(handler as Handler));
    return () => void handlers.delete(handler as Handler);
  }

  /** Any event, asked again until it is acknowledged: for what may be asked again. */
  ask<E extends EventName>(event: E, body: ClientEvents[E]["body"], deadlineMs?: number): Promise<Ack<E>> {
    return this.#link.ask(event, body, deadlineMs);
  }

  /** Any call below `/api/v1`, by the name that `/openapi.json` gives it: `call<"getMe">("GET", "/me")`. */
  async call<Name extends keyof Operations>(method: string, path: string, options: CallOptions = {}): Promise<Operations[Name]["answer"]> {
    return (await this.#rest.call(method, path, options)) as Operations[Name]["answer"];
  }

  /** All of them, page by page, the most watched first while live. */
  async *streams(query: Omit<Operations["listStreams"]["query"], "cursor" | "limit"> = {}): AsyncGenerator<Stream, void, void> {
    let cursor: string | undefined;
    do {
      const page = await this.call<"listStreams">("GET", "/streams", { query: { state: "live", ...query, limit: 100, cursor } as CallOptions["query"] & object });
      yield* page.items;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }

  stream(streamId: string): Promise<Stream> {
    return this.call<"getStream">("GET", `/streams/${encodeURIComponent(streamId)}`);
  }

  createStream(title: string, more: Omit<Operations["createStream"]["body"], "title"> = {}): Promise<CreatedStream> {
    return this.call<"createStream">("POST", "/streams", { body: { title, ...more } });
  }

  async endStream(streamId: string): Promise<void> {
    await this.call<"endStream">("POST", `/streams/${encodeURIComponent(streamId)}/end`);
  }

  async polls(streamId: string): Promise<Operations["listPolls"]["answer"]["items"]> {
    return (await this.call<"listPolls">("GET", `/streams/${encodeURIComponent(streamId)}/polls`, { query: { limit: 100 } })).items;
  }

  /** The last `seconds`, or those before `end_ms` of media time. */
  async clip(streamId: string, seconds: number, more: { end_ms?: number; title?: string } = {}): Promise<Clip> {
    return (await this.call<"makeClip">("POST", `/streams/${encodeURIComponent(streamId)}/clips`, { body: { seconds, ...more } })).clip;
  }
}
