/** The chat of a recording, shown in step with its picture. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChatEntry } from "../../api/types";
import { DownIcon } from "../../ui/icons";
import { replayChat } from "./calls";
import "./chat.css";
import { ChatLog } from "./log";
import { t } from "./words";

const NO_EMOTES = new Map<string, string>();
const TICK_MS = 250;
/** So much of the talk before the moment is shown when somebody jumps into the middle. */
const LEAD_S = 45;
/** A jump of the position larger than this is a seek. */
const SEEK_MS = 1500;
const LOW_WATER = 30;

const timeOf = (entry: ChatEntry, last: number): number => (entry.deleted ? last : (entry.media_time_ms ?? last));

/** Where the messages of a replay come from. */
export interface ReplaySource {
  /** Another one begins anew. */
  key: string;
  /** From a moment of media time on, ascending; some of them. */
  from: (ms: number) => Promise<ChatEntry[]>;
  /** Those that follow an offset. */
  after: (offset: number) => Promise<ChatEntry[]>;
}

export const chatOfStream = (streamId: string): ReplaySource => ({
  key: streamId,
  from: (ms) => replayChat(streamId, { mediaTimeS: Math.max(0, ms / 1000 - LEAD_S) }),
  after: (offset) => replayChat(streamId, { sinceOffset: offset }),
});

/** Walks through the log by media time: what is due is handed out once, in order, and pages are fetched ahead. */
class Replay {
  #source: ReplaySource;
  #due: ChatEntry[] = [];
  #last = 0;
  #offset = 0;
  #done = false;
  #fetching = false;
  #generation = 0;

  constructor(source: ReplaySource) {
    this.#source = source;
  }

  /** Begin anew around a moment. */
  async seek(ms: number): Promise<void> {
    const generation = ++this.#generation;
    this.#due = [];
    this.#offset = 0;
    this.#last = 0;
    this.#done = false;
    this.#fetching = true;
    const entries = await this.#source.from(ms).catch(() => []);
    if (generation !== this.#generation) return;
    this.#fetching = false;
    this.#take(entries);
  }

  take(ms: number): ChatEntry[] {
    let n = 0;
    for (const entry of this.#due) {
      const at = timeOf(entry, this.#last);
      if (at > ms) break;
      this.#last = at;
      n += 1;
    }
    const out = this.#due.splice(0, n);
    if (this.#due.length < LOW_WATER) void this.#ahead();
    return out;
  }

  async #ahead(): Promise<void> {
    if (this.#fetching || this.#done || !this.#offset) return;
    const generation = this.#generation;
    this.#fetching = true;
    const entries = await this.#source.after(this.#offset).catch(() => null);
    if (generation !== this.#generation) return;
    this.#fetching = false;
    if (entries) this.#take(entries);
  }

  #take(entries: ChatEntry[]): void {
    const fresh = entries.filter((entry) => entry.offset > this.#offset);
    this.#done = fresh.length === 0;
    this.#offset = fresh.at(-1)?.offset ?? this.#offset;
    this.#due.push(...fresh);
  }
}

interface Props {
  source: ReplaySource;
  positionMs: () => number | null;
  title?: string;
  /** Between the head and the messages. */
  above?: ComponentChildren;
}

export function ReplayChat({ source, positionMs, title = t("replay"), above }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const log = useRef<ChatLog | null>(null);
  const [waiting, setWaiting] = useState(0);
  const [empty, setEmpty] = useState(true);

  useEffect(() => {
    if (!scroller.current || !list.current) return;
    const port = {
      onWaiting: setWaiting,
      older: null,
      actions: () => [],
      announce: () => undefined,
      ownName: null,
      openThread: null,
      emotes: NO_EMOTES,
    };
    const shown = new ChatLog({ scroller: scroller.current, list: list.current, port });
    log.current = shown;
    const replay = new Replay(source);
    let last: number | null = null;
    let lastTick = performance.now();
    const tick = (): void => {
      const ms = positionMs();
      const now = performance.now();
      const elapsed = now - lastTick;
      lastTick = now;
      if (ms === null) return;
      // A hidden page ticks rarely, so a step as long as the time that passed is no seek.
      const sought = last === null || ms < last - SEEK_MS || ms > last + SEEK_MS + 2.5 * elapsed;
      last = ms;
      if (sought) {
        shown.reset([]);
        setEmpty(true);
        void replay.seek(ms);
        return;
      }
      const due = replay.take(ms).filter((entry) => !entry.deleted);
      if (!due.length) return;
      setEmpty(false);
      shown.append(due);
    };
    const timer = setInterval(tick, TICK_MS);
    return () => {
      clearInterval(timer);
      shown.close();
    };
  }, [source.key]);

  return (
    <section class="chat" aria-label={title}>
      <header class="chat-head">
        <h2>{title}</h2>
      </header>
      {above}
      <div class="chat-scroller" ref={scroller} tabIndex={0} role="log" aria-live="off" aria-label={t("messages")}>
        {empty && <p class="chat-empty">{t("replayEmpty")}</p>}
        <ol class="chat-list" ref={list} />
      </div>
      {waiting > 0 && (
        <button type="button" class="chat-more" onClick={() => log.current?.pin()}>
          <DownIcon /> {t("newMessages", { n: waiting })}
        </button>
      )}
    </section>
  );
}
