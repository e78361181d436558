/** A room's messages in order, each once, without I/O. */
import type { EventSchemas } from "./schema.js";

export type RawMessage = EventSchemas["Message"];

export interface CaughtUp {
  epoch: string;
  offset: number;
  messages: RawMessage[];
  recovered: boolean;
  more?: boolean;
}

/** Ids that are recognised when the server's log begins anew under another epoch. */
const REMEMBERED = 500;

/**
 * The position up to which messages were taken. While `isBehind`, events are passed over: what they hold is asked for
 * with `chat:join` and `since`. Give the acknowledgement to `caughtUp` in the turn in which it arrives: events follow
 * right behind it.
 */
export class RoomLog {
  epoch = "";
  offset = 0;
  isBehind = true;
  #recent: string[] = [];

  begin(epoch: string, offset: number): void {
    Object.assign(this, { epoch, offset, isBehind: false });
  }

  /** The connection ended, or the server skipped messages (`chat:gap`). */
  lost(): void {
    this.isBehind = true;
  }

  /** Of `chat:messages` those that are new, `space` at most. */
  posted(epoch: string, messages: RawMessage[], space: number): RawMessage[] {
    if (this.isBehind) return [];
    if (epoch !== this.epoch) {
      this.isBehind = true;
      return [];
    }
    return this.#take(messages.filter((one) => one.offset > this.offset), space, false);
  }

  /** Of the acknowledgement of `chat:join` those that are new, `space` at most. */
  caughtUp(answer: CaughtUp, space: number): RawMessage[] {
    const isSame = answer.epoch === this.epoch && answer.recovered;
    this.isBehind = false;
    const fresh = answer.messages.filter((one) => (isSame ? one.offset > this.offset : !this.#recent.includes(one.id)));
    if (!isSame) Object.assign(this, { epoch: answer.epoch, offset: 0 });
    const taken = this.#take(fresh, space, true);
    if (!this.isBehind) {
      this.offset = Math.max(this.offset, answer.offset);
      this.isBehind = answer.more ?? false;
    }
    return taken;
  }

  #take(fresh: RawMessage[], space: number, maySkip: boolean): RawMessage[] {
    const taken: RawMessage[] = [];
    for (const message of fresh) {
      if (taken.length >= space || !(maySkip || message.offset === this.offset + 1)) {
        this.isBehind = true;
        break;
      }
      this.offset = message.offset;
      taken.push(message);
    }
    this.#recent = [...this.#recent, ...taken.map((one) => one.id)].slice(-REMEMBERED);
    return taken;
  }
}
