/**
 * One room's messages in order, without a screen: what arrives is put behind what is there, what was missed is
 * fetched, and what was sent stays in the outbox until the room has taken it. Every message of an epoch
 * reaches `onAppend` or `onInsert` at most once.
 */
import { sentence } from "../../api/http";
import { randomId } from "../../api/locks";
import type { ChatEntry, ChatMessage, RoomState } from "../../api/types";

export interface Attached {
  upload_id: string;
  alt: string;
}

export interface Outgoing {
  client_id: string;
  text: string;
  attachments: readonly Attached[];
  reply_to: string | null;
  /** `held`: it waits for a moderator. */
  state: "sending" | "failed" | "held";
  /** What the server calls a message that is held. */
  id?: string;
  reason: string | null;
}

export interface MirrorPort {
  ask: <T>(event: string, body: object) => Promise<T>;
  /** Tells whether the failure leaves it open if the message was taken. */
  isUnanswered: (error: unknown) => boolean;
  retryAfterMs: (error: unknown) => number | null;
  isOnline: () => boolean;
}

export interface MirrorView {
  onReset: (entries: ChatEntry[]) => void;
  onAppend: (entries: ChatEntry[]) => void;
  /** Older messages whose place is before some that are shown. */
  onInsert: (entries: ChatEntry[]) => void;
  onDelete: (messageId: string) => void;
  onRestore: (entry: ChatEntry) => void;
  onClear: (upTo: number, userId: string | null) => void;
  onOutbox: (outbox: Outgoing[]) => void;
  /** The room asks for patience until this moment of performance.now(). */
  onWait: (ms: number) => void;
}

interface JoinAnswer {
  epoch: string;
  offset: number;
  messages: ChatEntry[];
  recovered: boolean;
  more?: boolean;
}

interface Batch {
  room_id: string;
  epoch: string;
  messages: ChatEntry[];
}

/** A gap larger than this is not worth fetching whole: nobody reads so far back at once. */
const MAX_GAP = 300;
const PAGE = 100;
const MAX_TRIES = 4;
const RETRY_MS = 1500;

export class ChatMirror {
  readonly roomId: string;
  #port: MirrorPort;
  #view: MirrorView;
  #epoch = "";
  #offset = 0;
  #catchingUp = false;
  #held: Batch[] = [];
  #outbox = new Map<string, Outgoing>();
  #tries = new Map<string, number>();

  constructor({ roomId, port, view }: { roomId: string; port: MirrorPort; view: MirrorView }) {
    this.roomId = roomId;
    this.#port = port;
    this.#view = view;
  }

  get position(): { epoch: string; offset: number } {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  /** Events heard from here on wait until `open` has put down what lies before them. */
  hold(): void {
    this.#catchingUp = true;
  }

  /** The answer to `stream:watch`, at first or after a reconnect; fetches what was missed in between. */
  async open(room: RoomState): Promise<void> {
    this.#catchingUp = true;
    try {
      if (room.epoch !== this.#epoch) this.#restart(room.epoch, room.offset, room.messages);
      else if (room.offset > this.#offset) await this.#recover(room);
    } finally {
      this.#catchingUp = false;
      this.#release();
    }
    void this.#resend();
  }

  async #recover(room: RoomState): Promise<void> {
    const first = room.messages[0]?.offset ?? room.offset + 1;
    if (first <= this.#offset + 1) return this.#append(room.messages);
    let more = true;
    while (more) {
      const since = { epoch: this.#epoch, offset: this.#offset };
      const answer = await this.#port.ask<JoinAnswer>("chat:join", { room_id: this.roomId, since });
      if (!answer.recovered) return this.#restart(answer.epoch, answer.offset, answer.messages.length ? answer.messages : room.messages);
      const before = this.#offset;
      this.#append(answer.messages);
      more = Boolean(answer.more) && this.#offset > before;
      if (!more) this.#offset = Math.max(this.#offset, answer.offset);
    }
  }

  #restart(epoch: string, offset: number, entries: ChatEntry[]): void {
    this.#epoch = epoch;
    this.#offset = Math.max(offset, entries.at(-1)?.offset ?? 0);
    this.#settle(entries);
    this.#view.onReset(entries);
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const batch of held) this.receive(batch);
  }

  /** `chat:messages` as the server sent it. */
  receive(batch: Batch): void {
    if (batch.room_id !== this.roomId) return;
    if (this.#catchingUp) {
      this.#held.push(batch);
      return;
    }
    if (batch.epoch !== this.#epoch) return this.#restart(batch.epoch, 0, batch.messages);
    this.#append(batch.messages);
  }

  #append(entries: ChatEntry[]): void {
    const fresh = entries.filter((entry) => entry.offset > this.#offset);
    const last = fresh.at(-1);
    if (!last) return;
    this.#offset = last.offset;
    this.#settle(fresh);
    this.#view.onAppend(fresh);
  }

  /** `chat:gap`: these were skipped for this socket; the log still has them. */
  async fill({ room_id, from, to }: { room_id: string; from: number; to: number }): Promise<void> {
    if (room_id !== this.roomId) return;
    const start = Math.max(from, to - MAX_GAP + 1);
    let before = to + 1;
    while (before > start) {
      const limit = Math.min(PAGE, before - start);
      const { messages } = await this.#port.ask<{ messages: ChatEntry[] }>("chat:history", {
        room_id: this.roomId,
        before,
        limit,
      });
      const wanted = messages.filter((entry) => entry.offset >= start);
      if (!wanted.length) return;
      this.#settle(wanted);
      this.#view.onInsert(wanted);
      before = wanted[0]?.offset ?? start;
    }
    this.#offset = Math.max(this.#offset, to);
  }

  /** What lies before `before`, oldest first; empty at the beginning of the room. */
  async older(before: number): Promise<ChatEntry[]> {
    const body = { room_id: this.roomId, before, limit: 50 };
    return (await this.#port.ask<{ messages: ChatEntry[] }>("chat:history", body)).messages;
  }

  remove(messageId: string): void {
    this.#view.onDelete(messageId);
  }

  /** `chat:restored`: a message that was deleted stands in its place again, where that is shown. */
  restore({ room_id, message }: { room_id: string; message: ChatEntry }): void {
    if (room_id === this.roomId) this.#view.onRestore(message);
  }

  /** `chat:cleared`: what this person (null: anybody) wrote up to the offset is gone. */
  clear({ room_id, offset, user_id }: { room_id: string; offset: number; user_id: string | null }): void {
    if (room_id === this.roomId) this.#view.onClear(offset, user_id);
  }

  /** `chat:reviewed`: a moderator has decided on a message that was held; one that is allowed comes by itself. */
  reviewed({ id, allow }: { id: string; allow: boolean }, reason: string): void {
    const outgoing = [...this.#outbox.values()].find((one) => one.state === "held" && one.id === id);
    if (!outgoing) return;
    if (allow) return this.discard(outgoing.client_id);
    this.#outbox.set(outgoing.client_id, { ...outgoing, state: "failed", reason });
    this.#show();
  }

  send(text: string, replyTo: string | null, attachments: readonly Attached[] = []): void {
    const client_id = randomId();
    this.#outbox.set(client_id, { client_id, text, attachments, reply_to: replyTo, state: "sending", reason: null });
    this.#show();
    void this.#deliver(client_id);
  }

  retry(clientId: string): void {
    const outgoing = this.#outbox.get(clientId);
    if (!outgoing) return;
    this.#tries.delete(clientId);
    this.#outbox.set(clientId, { ...outgoing, state: "sending", reason: null });
    this.#show();
    void this.#deliver(clientId);
  }

  discard(clientId: string): void {
    this.#outbox.delete(clientId);
    this.#tries.delete(clientId);
    this.#show();
  }

  async #deliver(clientId: string): Promise<void> {
    const outgoing = this.#outbox.get(clientId);
    if (!outgoing) return;
    const { text, reply_to, attachments } = outgoing;
    const more = { ...(reply_to ? { reply_to } : {}), ...(attachments.length ? { attachments } : {}) };
    const body = { room_id: this.roomId, text, client_id: clientId, ...more };
    try {
      const answer = await this.#port.ask<{ id: string; held?: boolean }>("chat:send", body);
      if (!answer.held) return this.discard(clientId);
      if (!this.#outbox.has(clientId)) return;
      this.#outbox.set(clientId, { ...outgoing, state: "held", id: answer.id });
      this.#show();
    } catch (error) {
      this.#undelivered(clientId, error);
    }
  }

  /** Unanswered ones stay and are sent again under the same id: in a moment, or after the next connect. */
  #undelivered(clientId: string, error: unknown): void {
    const outgoing = this.#outbox.get(clientId);
    if (!outgoing) return;
    if (this.#port.isUnanswered(error)) {
      if (!this.#port.isOnline()) return;
      const tries = (this.#tries.get(clientId) ?? 0) + 1;
      this.#tries.set(clientId, tries);
      if (tries < MAX_TRIES) return void setTimeout(() => void this.#deliver(clientId), RETRY_MS);
    }
    const reason = sentence(error);
    this.#outbox.set(clientId, { ...outgoing, state: "failed", reason });
    const wait = this.#port.retryAfterMs(error);
    if (wait) this.#view.onWait(wait);
    this.#show();
  }

  async #resend(): Promise<void> {
    for (const outgoing of [...this.#outbox.values()]) {
      if (outgoing.state === "sending") await this.#deliver(outgoing.client_id);
    }
  }

  /** A message of ours that came back in the room is no longer on its way. */
  #settle(entries: ChatEntry[]): void {
    let changed = false;
    for (const entry of entries) {
      const clientId = (entry as ChatMessage).client_id;
      if (clientId) changed = this.#outbox.delete(clientId) || changed;
    }
    if (changed) this.#show();
  }

  #show(): void {
    this.#view.onOutbox([...this.#outbox.values()]);
  }
}
