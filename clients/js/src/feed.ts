/** The messages of a room as they are read: in order, each once, over reconnections. */
import { ClientClosed, ConnectionLost, Refused, SocialFlowError } from "./errors.js";
import type { Link } from "./link.js";
import { type CaughtUp, type RawMessage, RoomLog } from "./log.js";
import type { EventSchemas, Operations, ServerEvents } from "./schema.js";
import { Change, pauseMs, sleep } from "./waiting.js";

const HEARTBEAT_MS = 10_000;

export type Stream = Operations["getStream"]["answer"];

/** `offset` is its place in the room, from 1; `media_time_ms` the moment of the video; `isMine`: this client sent it. */
export type Message = Required<Pick<RawMessage, "id" | "offset" | "user" | "text" | "sent_at">> & Omit<RawMessage, "deleted"> & { isMine: boolean };

export interface FeedOptions {
  link: Link;
  isOwn: (clientId: string | undefined) => boolean;
  roomId: string;
  streamId: string | null;
  /** How many messages may wait to be read; what follows is left on the server and fetched when half of them are read. */
  limit: number;
}

export class Feed {
  roomId: string;
  readonly streamId: string | null;
  stream: Stream | null = null;
  recent: readonly Message[] = [];
  failure: Error | null = null;
  readonly #link: Link;
  readonly #isOwn: FeedOptions["isOwn"];
  readonly #limit: number;
  readonly #log = new RoomLog();
  readonly #change = new Change();
  readonly #stirred = new Change();
  readonly #beat: ReturnType<typeof setInterval> | undefined;
  #queue: RawMessage[] = [];
  #mustStir = true;
  #entered = 0;

  constructor({ link, isOwn, roomId, streamId, limit }: FeedOptions) {
    this.#link = link;
    this.#isOwn = isOwn;
    this.roomId = roomId;
    this.streamId = streamId;
    this.#limit = limit;
    if (streamId !== null) this.#beat = setInterval(() => this.#heartbeat(streamId), HEARTBEAT_MS);
    void this.#keepUp();
  }

  get isEntered(): boolean {
    return this.#entered !== 0 && this.#entered === this.#link.connection;
  }

  /** Until the room is entered for the first time. */
  async open(): Promise<void> {
    while (!this.#log.epoch && !this.failure) await this.#change.wait();
    if (this.failure) throw this.failure;
  }

  end(failure: Error): void {
    this.failure ??= failure;
    clearInterval(this.#beat);
    this.#change.tell();
    this.#stirred.tell();
  }

  /** The next message; null when the room was left. Throws what ended it otherwise. */
  async next(): Promise<Message | null> {
    for (;;) {
      const raw = this.#queue.shift();
      if (raw) {
        if (this.#log.isBehind && this.#hasSpace) this.#stir();
        if (!raw.deleted) return this.message(raw);
      } else if (this.failure instanceof ClientClosed) return null;
      else if (this.failure) throw this.failure;
      else await this.#change.wait();
    }
  }

  connectionChanged(): void {
    this.#log.lost();
    if (this.#link.failure) this.end(this.#link.failure);
    else if (this.#link.connection) this.#stir();
  }

  receive<E extends keyof ServerEvents>(event: E, body: ServerEvents[E]): void {
    if (event === "chat:messages") {
      const { room_id, epoch, messages } = body as ServerEvents["chat:messages"];
      if (room_id === this.roomId) this.#put(this.#log.posted(epoch, messages, this.#space));
    } else if (event === "chat:gap") {
      if ((body as ServerEvents["chat:gap"]).room_id === this.roomId) this.#log.lost();
    } else if (event === "stream:state" && (body as unknown as Stream).id === this.streamId) this.stream = body as unknown as Stream;
    if (this.#log.isBehind && this.isEntered && this.#hasSpace) this.#stir();
  }

  message(raw: RawMessage): Message {
    return { ...raw, isMine: this.#isOwn(raw.client_id) } as Message;
  }

  get #space(): number {
    return this.#limit - this.#queue.length;
  }

  get #hasSpace(): boolean {
    return this.#queue.length <= this.#limit / 2;
  }

  #put(messages: RawMessage[]): void {
    this.#queue.push(...messages);
    if (messages.length) this.#change.tell();
  }

  #stir(): void {
    this.#mustStir = true;
    this.#stirred.tell();
  }

  async #keepUp(): Promise<void> {
    for (let attempt = 0; !this.failure; ) {
      if (!this.#mustStir) await this.#stirred.wait();
      this.#mustStir = false;
      if (this.failure) return;
      try {
        await this.#catchUp();
        attempt = 0;
      } catch (error) {
        if (error instanceof Refused ? error.retryAfterMs === null : !(error instanceof ConnectionLost)) {
          this.end(error instanceof SocialFlowError ? error : new SocialFlowError(String(error)));
          return;
        }
        await sleep(error instanceof Refused ? (error.retryAfterMs ?? 0) : pauseMs(attempt++));
        this.#mustStir = true;
      }
    }
  }

  async #catchUp(): Promise<void> {
    let entered = this.isEntered ? this.#entered : 0;
    if (this.streamId !== null && !entered) {
      this.#log.lost(); // what the answer holds is not sent again as events
      await this.#link.askOnce("stream:watch", { stream_id: this.streamId }, ({ stream, room }) => {
        entered = this.#link.connection;
        this.stream = stream as unknown as Stream;
        if (!this.#log.epoch) this.#begin(room);
      });
    }
    while (this.#log.isBehind && this.#hasSpace) {
      const since = this.#log.epoch ? { since: { epoch: this.#log.epoch, offset: this.#log.offset } } : {};
      await this.#link.askOnce("chat:join", { room_id: this.roomId, ...since }, (answer) => {
        if (this.streamId === null) entered = this.#link.connection;
        if (this.#log.epoch) this.#put(this.#log.caughtUp(answer as CaughtUp, this.#space));
        else this.#begin(answer);
      });
    }
    this.#entered = entered;
  }

  #begin(state: Pick<EventSchemas["RoomState"], "room_id" | "epoch" | "offset" | "messages">): void {
    this.roomId = state.room_id;
    this.recent = state.messages.filter((one) => !one.deleted).map((one) => this.message(one));
    this.#log.begin(state.epoch, state.offset);
    this.#change.tell();
  }

  #heartbeat(streamId: string): void {
    if (this.isEntered) this.#link.askOnce("stream:heartbeat", { stream_id: streamId }).catch(() => undefined);
  }
}
