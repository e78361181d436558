/** The live chat beside the player: list, composer and what is on its way. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { me } from "../../api/session";
import type { ChatMessage, RoomState, Stream } from "../../api/types";
import { loginPath } from "../../router";
import { ask, AskError, connection, hear } from "../../realtime/socket";
import { sentence } from "../../api/http";
import { DownIcon } from "../../ui/icons";
import { toast } from "../../ui/toasts";
import { Composer } from "./composer";
import { ChatMirror, type Outgoing } from "./room-mirror";
import { ChatLog, type LogPort } from "./log";
import "./chat.css";
import { ReactionBar } from "./reactions";
import { t } from "./words";

const mirrorPort = {
  ask: <T,>(event: string, body: object) => ask(event as "chat:join", body as never) as Promise<unknown> as Promise<T>,
  isUnanswered: (error: unknown) => error instanceof AskError && error.isUnanswered,
  retryAfterMs: (error: unknown) => (error instanceof AskError ? error.retryAfterMs : null),
  isOnline: () => connection.peek() === "online",
};

interface Removal {
  room_id: string;
  message_id?: string;
  id?: string;
}

interface Live {
  mirror: ChatMirror;
  log: ChatLog;
}

/** May this person delete anybody's message here? The server decides; this only shows the button. */
function moderates(stream: Stream): boolean {
  const user = me.value;
  return user?.id === stream.owner.id || Boolean(user?.roles?.some((role) => role === "admin" || role === "moderator"));
}

interface PanelProps {
  stream: Stream;
  room: RoomState | null;
  /** Reactions are for those who watch. */
  reactions?: boolean;
}

export function ChatPanel({ stream, room, reactions = true }: PanelProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const live = useRef<Live | null>(null);
  const [outbox, setOutbox] = useState<Outgoing[]>([]);
  const [waiting, setWaiting] = useState(0);
  const [spoken, setSpoken] = useState("");
  const [replyTo, setReplyTo] = useState<ChatMessage | null>(null);
  const [waitUntil, setWaitUntil] = useState(0);
  const user = me.value;
  const roomId = stream.chat.room_id;

  const port = useMemo<LogPort>(
    () => ({
      onWaiting: setWaiting,
      older: (before) => live.current?.mirror.older(before) ?? Promise.resolve([]),
      onReply: user ? setReplyTo : null,
      onDelete: user ? (message) => void remove(roomId, message) : null,
      mayDelete: (message) => moderates(stream) || message.user.id === user?.id,
      announce: setSpoken,
      ownName: user?.username ?? null,
    }),
    [user?.id, roomId, stream.owner.id],
  );

  useEffect(() => {
    if (!scroller.current || !list.current) return;
    const log = new ChatLog({ scroller: scroller.current, list: list.current, port });
    const mirror = new ChatMirror({
      roomId,
      port: mirrorPort,
      view: {
        onReset: (entries) => log.reset(entries),
        onAppend: (entries) => log.append(entries),
        onInsert: (entries) => log.insert(entries),
        onDelete: (id) => log.remove(id),
        onOutbox: setOutbox,
        onWait: (ms) => setWaitUntil(performance.now() + ms),
      },
    });
    live.current = { mirror, log };
    const stops = [
      // The document has one shape for messages and for what keeps a deleted one's place.
      hear("chat:messages", (body) => mirror.receive(body as unknown as Parameters<ChatMirror["receive"]>[0])),
      hear("chat:gap", (body) => void mirror.fill(body).catch(() => undefined)),
      hear("chat:deleted", (body: Removal) => {
        if (body.room_id === roomId) mirror.remove(body.message_id ?? body.id ?? "");
      }),
    ];
    mirror.hold();
    return () => {
      for (const stop of stops) stop();
      log.close();
      live.current = null;
    };
  }, [roomId]);

  useEffect(() => live.current?.log.setPort(port), [port]);

  useEffect(() => {
    if (room?.room_id === roomId) void live.current?.mirror.open(room).catch((error) => toast(sentence(error), "bad"));
  }, [room, roomId]);

  const send = (text: string): void => {
    live.current?.mirror.send(text, replyTo?.id ?? null);
    setReplyTo(null);
    live.current?.log.pin();
  };

  return (
    <section class="chat chat-live" aria-label={t("chat")}>
      <header class="chat-head">
        <h2>{t("chat")}</h2>
        {connection.value !== "online" && <span class="chat-status">{t("connecting")}</span>}
      </header>
      {/* A focus stop of its own: arrow keys walk through the messages. */}
      <div class="chat-scroller" ref={scroller} tabIndex={0} role="log" aria-live="off" aria-label={t("messages")}>
        <ol class="chat-list" data-empty={t("quiet")} ref={list} />
        <OutboxRows outbox={outbox} live={live.current} />
      </div>
      {waiting > 0 && (
        <button type="button" class="chat-more" onClick={() => live.current?.log.pin()}>
          <DownIcon /> {t("newMessages", { n: waiting })}
        </button>
      )}
      <p class="visually-hidden" aria-live="polite">
        {spoken}
      </p>
      {reactions && <ReactionBar streamId={stream.id} />}
      {user ? (
        <Composer replyTo={replyTo} onCancelReply={() => setReplyTo(null)} onSend={send} waitUntil={waitUntil} />
      ) : (
        <p class="chat-guest">
          <a class="button" href={loginPath()}>
            {t("signInToTalk")}
          </a>
        </p>
      )}
    </section>
  );
}

async function remove(roomId: string, message: ChatMessage): Promise<void> {
  try {
    await ask("chat:delete", { room_id: roomId, message_id: message.id });
  } catch (error) {
    toast(sentence(error), "bad");
  }
}

function OutboxRows({ outbox, live }: { outbox: Outgoing[]; live: Live | null }) {
  if (!outbox.length) return null;
  return (
    <ul class="outbox" aria-label={t("notSent")}>
      {outbox.map((outgoing) => (
        <li key={outgoing.client_id} class={`message message-${outgoing.state}`}>
          <span class="message-text">{outgoing.text}</span>
          {outgoing.state === "failed" && (
            <span class="outbox-failed" role="alert">
              {outgoing.reason}
              <button type="button" onClick={() => live?.mirror.retry(outgoing.client_id)}>
                {t("tryAgain")}
              </button>
              <button type="button" onClick={() => live?.mirror.discard(outgoing.client_id)}>
                {t("discard")}
              </button>
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
