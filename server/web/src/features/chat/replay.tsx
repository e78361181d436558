/** The chat of a recording, shown in step with its picture. */
import type { ComponentChildren } from "preact";
import type { ChatEntry } from "../../api/types";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { DownIcon } from "../../ui/icons";
import { hear } from "../../realtime/socket";
import { replayChat } from "./calls";
import "./chat.css";
import { ChatLog, type LogPort } from "./log";
import { useLooks } from "./looks";
import { Replay, type ReplaySource } from "./replayed";
import { t } from "./words";

const READ_ONLY = { older: null, actions: () => [], announce: () => undefined, ownName: null, openThread: null };
const TICK_MS = 250;
/** So much of the talk before the moment is shown when somebody jumps into the middle. */
const LEAD_S = 45;
export const chatOfStream = (streamId: string): ReplaySource => ({
  key: streamId,
  from: (ms) => replayChat(streamId, { mediaTimeS: Math.max(0, ms / 1000 - LEAD_S) }),
  after: (offset) => replayChat(streamId, { sinceOffset: offset }),
});

interface Props {
  source: ReplaySource;
  /** Whose room it was. */
  owner: string;
  positionMs: () => number | null;
  title?: string;
  /** Between the head and the messages. */
  above?: ComponentChildren;
}

export function ReplayChat({ source, owner, positionMs, title = t("replay"), above }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const log = useRef<ChatLog | null>(null);
  const looks = useLooks(owner);
  const [waiting, setWaiting] = useState(0);
  const [empty, setEmpty] = useState(true);

  const port = useMemo<LogPort>(() => ({ ...READ_ONLY, onWaiting: setWaiting, looks }), [looks]);

  useEffect(() => {
    if (!scroller.current || !list.current) return;
    const shown = new ChatLog({ scroller: scroller.current, list: list.current, port });
    log.current = shown;
    const replay = new Replay(source);
    const tick = (): void => {
      const ms = positionMs();
      if (ms === null) return;
      const due = replay.step(ms, performance.now());
      if (due === "sought") {
        shown.reset([]);
        setEmpty(true);
      } else if (due.length) {
        setEmpty(false);
        shown.append(due);
      }
    };
    // Who has rewound is still in the room: what is deleted there leaves the replay too.
    const stops = [
      hear("chat:deleted", (body: { message_id?: string; id?: string }) => {
        const id = body.message_id ?? body.id ?? "";
        replay.remove(id);
        shown.remove(id);
      }),
      hear("chat:restored", ({ message }) => shown.restore(message as unknown as ChatEntry)),
      hear("chat:cleared", ({ offset, user_id }) => {
        replay.clear(offset, user_id);
        shown.clear(offset, user_id);
      }),
    ];
    const timer = setInterval(tick, TICK_MS);
    return () => {
      clearInterval(timer);
      for (const stop of stops) stop();
      shown.close();
    };
  }, [source.key]);
  useEffect(() => log.current?.setPort(port), [port]);

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
