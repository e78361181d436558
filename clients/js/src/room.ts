/** A chat room: what is posted there, in order and without a gap, and what a member and a moderator do there. */
import { ClientClosed, Refused } from "./errors.js";
import type { Feed, Message, Stream } from "./feed.js";
import type { Ack, EventName, Link } from "./link.js";
import type { ClientEvents, ServerEvents } from "./schema.js";

export interface RoomPort {
  newClientId: () => string;
  /** Whether no other room of this client needs what the server sends of it. */
  forget: (room: Room) => boolean;
  listen: <E extends keyof ServerEvents>(event: E, handler: (body: ServerEvents[E]) => void) => () => void;
}

export interface SendOptions {
  replyTo?: string;
  /** Pictures among your uploads, in conversations; the text may be empty then. */
  attachments?: NonNullable<ClientEvents["chat:send"]["body"]["attachments"]>;
  clientId?: string;
  deadlineMs?: number;
}

type BodyOf<E extends EventName> = Omit<ClientEvents[E]["body"], "room_id">;

/**
 * Iterate to read: messages that are posted from `watch` on come in order, each once, over reconnections. Nothing is
 * dropped for a slow reader. Leaving a loop loses nothing: the next one goes on where it was.
 */
export class Room implements AsyncIterable<Message> {
  readonly #link: Link;
  readonly #feed: Feed;
  readonly #port: RoomPort;

  constructor(link: Link, feed: Feed, port: RoomPort) {
    this.#link = link;
    this.#feed = feed;
    this.#port = port;
  }

  get id(): string {
    return this.#feed.roomId;
  }

  /** As the server sent it last; null of a room that was joined without its stream. */
  get stream(): Stream | null {
    return this.#feed.stream;
  }

  /** What was posted last before this room was entered. */
  get recent(): readonly Message[] {
    return this.#feed.recent;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, void> {
    for (let message = await this.#feed.next(); message; message = await this.#feed.next()) yield message;
  }

  /** Messages under the offset `before`, ascending; empty at the beginning of the room. */
  async history(options: { before?: number; limit?: number } = {}): Promise<Message[]> {
    const { messages } = await this.#ask("chat:history", options);
    return messages.filter((one) => !one.deleted).map((one) => this.#feed.message(one));
  }

  /** Post a message, once: it is tried again under the same `clientId` until the server acknowledges it. */
  async send(text: string, { replyTo, attachments, clientId, deadlineMs }: SendOptions = {}): Promise<Ack<"chat:send">> {
    const client_id = clientId ?? this.#port.newClientId();
    const body = { text, client_id, ...(replyTo !== undefined && { reply_to: replyTo }), ...(attachments && { attachments }) };
    return this.#ask("chat:send", body, deadlineMs);
  }

  /** Tried once, since reactions are counted: throws `ConnectionLost` when it is not known. */
  async react(emoji: string): Promise<void> {
    const streamId = this.#feed.streamId;
    if (streamId === null) throw new Refused({ code: "not_watching", message: "This room was joined without its stream: use client.watch." });
    await this.#link.askOnce("stream:react", { stream_id: streamId, emoji });
  }

  async vote(pollId: string, option: number): Promise<void> {
    await this.#link.ask("poll:vote", { poll_id: pollId, option });
  }

  async points(): Promise<number> {
    return (await this.#ask("points:balance", {})).points;
  }

  async createPoll(question: string, options: string[], seconds: number): Promise<Ack<"poll:create">["poll"]> {
    return (await this.#ask("poll:create", { question, options, seconds, client_id: this.#port.newClientId() })).poll;
  }

  async closePoll(pollId: string): Promise<Ack<"poll:close">["poll"]> {
    return (await this.#link.ask("poll:close", { poll_id: pollId })).poll;
  }

  // For moderators.

  async delete(messageId: string, reason?: string): Promise<void> {
    await this.#ask("chat:delete", { message_id: messageId, ...given({ reason }) });
  }

  async timeOut(userId: string, options: { seconds?: number; reason?: string } = {}): Promise<void> {
    await this.#ask("chat:timeout", { user_id: userId, ...options });
  }

  /** Without `seconds` it lasts. */
  async ban(userId: string, options: { seconds?: number; reason?: string } = {}): Promise<void> {
    await this.#ask("chat:ban", { user_id: userId, ...options });
  }

  /** Ends a timeout, too. */
  async unban(userId: string): Promise<void> {
    await this.#ask("chat:unban", { user_id: userId });
  }

  async purge(userId: string): Promise<void> {
    await this.#ask("chat:purge", { user_id: userId });
  }

  async clear(): Promise<void> {
    await this.#ask("chat:clear", {});
  }

  /** Null: nothing is pinned any more. */
  async pin(messageId: string | null): Promise<void> {
    await this.#ask("chat:pin", messageId === null ? {} : { message_id: messageId });
  }

  async announce(text: string): Promise<Ack<"chat:announce">> {
    return this.#ask("chat:announce", { text, client_id: this.#port.newClientId() });
  }

  async setMode(mode: BodyOf<"chat:mode">["mode"]): Promise<Ack<"chat:mode">["mode"]> {
    return (await this.#ask("chat:mode", { mode })).mode;
  }

  async review(messageId: string, allow: boolean): Promise<void> {
    await this.#ask("chat:review", { message_id: messageId, allow });
  }

  /** Hear another event of this room or its stream, as `poll:state`, until the returned function is called. */
  on<E extends keyof ServerEvents>(event: E, handler: (body: ServerEvents[E]) => void): () => void {
    return this.#port.listen(event, (body) => {
      const { room_id, stream_id, id } = body as { room_id?: string; stream_id?: string; id?: string };
      const streamId = this.#feed.streamId;
      if (room_id === this.id || (streamId !== null && (stream_id === streamId || id === streamId))) handler(body);
    });
  }

  /** Loops end when they have read what is there. The server is told if it can be. */
  async leave(): Promise<void> {
    const wasEntered = this.#feed.isEntered;
    this.#feed.end(new ClientClosed("the room was left"));
    if (!this.#port.forget(this) || !wasEntered) return;
    const streamId = this.#feed.streamId;
    const told =
      streamId === null
        ? this.#link.askOnce("chat:leave", { room_id: this.id }, undefined, 2000)
        : this.#link.askOnce("stream:unwatch", { stream_id: streamId }, undefined, 2000);
    await told.catch(() => undefined);
  }

  #ask<E extends EventName>(event: E, body: BodyOf<E>, deadlineMs?: number): Promise<Ack<E>> {
    if (this.#feed.failure instanceof ClientClosed) return Promise.reject(this.#feed.failure);
    return this.#link.ask(event, { room_id: this.id, ...body } as ClientEvents[E]["body"], deadlineMs);
  }
}

const given = <T>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
