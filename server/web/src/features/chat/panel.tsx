/** The live chat beside the player: list, composer and what is on its way. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { me } from "../../api/session";
import type { ChatEntry, ChatMessage, RoomState, Stream } from "../../api/types";
import { loginPath } from "../../router";
import { ask, AskError, connection, hear } from "../../realtime/socket";
import { sentence } from "../../api/http";
import { DownIcon } from "../../ui/icons";
import { toast } from "../../ui/toasts";
import { parseCommand } from "./commands";
import { Composer } from "./composer";
import { act, type Held, HeldMessages, type Mode, Modes, obey, Pinned } from "./moderation";
import { ChatMirror, type Outgoing } from "./room-mirror";
import { ChatLog, type LogPort } from "./log";
import { mirrorPort } from "./mirror-port";
import "./chat.css";
import { Card } from "./card";
import { useLooks } from "./looks";
import { Moments } from "./moments";
import { OutboxRows } from "./outbox";
import { People } from "./people";
import { ReactionBar } from "./reactions";
import { moderating, ofPerson } from "./row-actions";
import { Thread } from "./thread";
import { AskForUnban, UnbanRequests } from "./unban";
import { askToReport } from "../safety/report";
import { t as tSafety } from "../safety/words";
import { t } from "./words";

interface Removal {
  room_id: string;
  message_id?: string;
  id?: string;
}

interface Live {
  mirror: ChatMirror;
  log: ChatLog;
}

type Role = RoomState["role"];

const MODERATORS: ReadonlySet<unknown> = new Set(["owner", "admin", "moderator"]);

/** Calls back once; what it answers calls that off. */
function after(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}

/** In a small window; a browser that opens none follows the link. */
function popOut(event: MouseEvent): void {
  const { href, target } = event.currentTarget as HTMLAnchorElement;
  if (window.open(href, target, "popup,width=400,height=700")) event.preventDefault();
}

interface PanelProps {
  stream: Stream;
  room: RoomState | null;
  /** Reactions are for those who watch. */
  reactions?: boolean;
  /** Between the head and the messages. */
  above?: ComponentChildren;
  /** How far the player is behind what is happening, in milliseconds. */
  behindMs?: () => number;
}

export function ChatPanel({ stream, room, reactions = true, above, behindMs = () => 0 }: PanelProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const live = useRef<Live | null>(null);
  const [outbox, setOutbox] = useState<Outgoing[]>([]);
  const [waiting, setWaiting] = useState(0);
  const [spoken, setSpoken] = useState("");
  const [replyTo, setReplyTo] = useState<ChatMessage | null>(null);
  const [waitUntil, setWaitUntil] = useState(0);
  const [role, setRole] = useState<Role>(null);
  const [mode, setMode] = useState<Mode | null>(null);
  const [pinned, setPinned] = useState<ChatMessage | null>(null);
  const [held, setHeld] = useState<Held[]>([]);
  const [thread, setThread] = useState<string | null>(null);
  const [card, setCard] = useState<ChatMessage | null>(null);
  const [isBanned, setBanned] = useState(false);
  const looks = useLooks(stream.owner.username);
  const people = useMemo(() => new People(stream.chat.room_id), [stream.chat.room_id]);
  const user = me.value;
  const roomId = stream.chat.room_id;
  const mayModerate = MODERATORS.has(role);
  // Who has to act on a message sees it at once, and everybody their own.
  const late = useRef<(entries: ChatEntry[]) => number>(() => 0);
  late.current = (entries) => (mayModerate || entries.some((one) => !one.deleted && one.user.id === user?.id) ? 0 : behindMs());

  const port = useMemo<LogPort>(
    () => ({
      onWaiting: setWaiting,
      older: (before) => live.current?.mirror.older(before) ?? Promise.resolve([]),
      actions: (message) => {
        if (!user) return [];
        const isOwn = message.user.id === user.id;
        const remove = { label: t("delete"), act: () => void act("chat:delete", { room_id: roomId, message_id: message.id }) };
        return [
          { label: t("reply"), act: () => setReplyTo(message) },
          { label: t("thread"), act: () => setThread(message.id) },
          { label: t("card"), act: () => setCard(message) },
          ...(isOwn || mayModerate ? [remove] : []),
          ...(isOwn || !user ? [] : [{ label: tSafety("report"), act: () => askToReport("message", message.id) }]),
          ...(mayModerate ? moderating(roomId, message, isOwn) : []),
        ];
      },
      announce: setSpoken,
      ownName: user?.username ?? null,
      openThread: setThread,
      looks,
    }),
    [user?.id, roomId, mayModerate, looks],
  );

  useEffect(() => {
    if (!scroller.current || !list.current) return;
    const noteBan = (error: unknown): never => {
      if (error instanceof AskError && error.code === "banned") setBanned(true);
      throw error;
    };
    const log = new ChatLog({ scroller: scroller.current, list: list.current, port });
    const moments = new Moments({ now: () => performance.now(), after, show: (entries) => log.append(entries) });
    const mirror = new ChatMirror({
      roomId,
      port: { ...mirrorPort, ask: (event, body) => mirrorPort.ask(event, body).catch(noteBan) as never },
      view: {
        onReset: (entries) => {
          moments.reset();
          log.reset(entries);
        },
        onAppend: (entries) => moments.take(entries, late.current(entries)),
        onInsert: (entries) => log.insert(entries),
        onRestore: (entry) => log.restore(entry),
        onDelete: (id) => {
          moments.remove(id);
          log.remove(id);
        },
        onClear: (upTo, userId) => {
          moments.clear(upTo, userId);
          log.clear(upTo, userId);
        },
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
      hear("chat:restored", (body) => mirror.restore(body as unknown as Parameters<ChatMirror["restore"]>[0])),
      hear("chat:cleared", (body) => mirror.clear(body)),
      hear("chat:mode", (body) => body.room_id === roomId && setMode({ ...body.mode })),
      hear("chat:pinned", (body) => body.room_id === roomId && setPinned(body.message as unknown as ChatMessage | null)),
      hear("chat:user_timed_out", (body) => {
        if (body.room_id === roomId && body.user_id === me.peek()?.id) setBanned(body.banned === true);
      }),
      hear("chat:role", (body) => body.room_id === roomId && body.user_id === me.peek()?.id && setRole(body.role)),
      hear("chat:held", (body) => body.room_id === roomId && setHeld((before) => [...before, body])),
      hear("chat:reviewed", (body) => {
        if (body.room_id !== roomId) return;
        setHeld((before) => before.filter((one) => one.message.id !== body.id));
        mirror.reviewed(body, t("notAllowed"));
      }),
    ];
    mirror.hold();
    return () => {
      for (const stop of stops) stop();
      moments.reset();
      log.close();
      live.current = null;
    };
  }, [roomId]);

  useEffect(() => live.current?.log.setPort(port), [port]);

  useEffect(() => {
    if (room?.room_id !== roomId) return;
    setRole(room.role ?? null);
    setMode(room.mode);
    setPinned(room.pinned);
    void live.current?.mirror.open(room).catch((error) => toast(sentence(error), "bad"));
  }, [room, roomId]);

  useEffect(() => {
    if (mayModerate) void readHeld(roomId).then(setHeld);
    else setHeld([]);
  }, [room, roomId, mayModerate]);

  const command = (text: string): boolean => {
    const parsed = mayModerate ? parseCommand(text) : null;
    if (!parsed) return false;
    if ("usage" in parsed) toast(t("usage", { usage: parsed.usage }), "bad");
    else void obey(parsed.order, roomId, lowered(live.current?.log.people()));
    return true;
  };
  const send = (text: string): void => {
    if (command(text)) return;
    live.current?.mirror.send(text, replyTo?.id ?? null);
    setReplyTo(null);
    live.current?.log.pin();
  };

  return (
    <section class="chat chat-live" aria-label={t("chat")}>
      <header class="chat-head">
        <h2>{t("chat")}</h2>
        {!location.pathname.startsWith("/popout/") && (
          <a class="chat-out" href={`/popout/chat/${stream.id}`} target={`chat-${stream.id}`} onClick={popOut}>
            {t("popOut")}
          </a>
        )}
        {connection.value !== "online" && <span class="chat-status">{t("connecting")}</span>}
      </header>
      <Modes mode={mode} onShield={mayModerate ? (isOn) => void act("chat:mode", { room_id: roomId, mode: { shield: isOn } }) : null} />
      {pinned && (
        <Pinned message={pinned} looks={looks} onUnpin={mayModerate ? () => void act("chat:pin", { room_id: roomId, message_id: null }) : null} />
      )}
      <HeldMessages
        held={held}
        onReview={(id, allow) => void act("chat:review", { room_id: roomId, message_id: id, allow })}
      />
      {mayModerate && <UnbanRequests roomId={roomId} />}
      {above}
      {card && (
        <Card
          roomId={roomId}
          userId={card.user.id}
          badges={card.user.badges ?? []}
          looks={looks}
          actions={mayModerate && card.user.id !== user?.id ? ofPerson(roomId, card) : []}
          onClose={() => setCard(null)}
        />
      )}
      {thread && (
        <Thread
          roomId={roomId}
          messageId={thread}
          looks={looks}
          onReply={user ? setReplyTo : null}
          onClose={() => setThread(null)}
        />
      )}
      {/* A focus stop of its own: arrow keys walk through the messages. */}
      <div class="chat-scroller" ref={scroller} tabIndex={0} role="log" aria-live="off" aria-label={t("messages")}>
        <ol class="chat-list" data-empty={t("quiet")} ref={list} />
        <OutboxRows outbox={outbox} mirror={live.current?.mirror} />
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
      {user && isBanned && <AskForUnban roomId={roomId} />}
      {user ? (
        <Composer
          replyTo={replyTo}
          onCancelReply={() => setReplyTo(null)}
          onSend={send}
          waitUntil={waitUntil}
          names={() => people.names([...(live.current?.log.people().keys() ?? [])].reverse())}
          emotes={looks.emotes}
          mayModerate={mayModerate}
        />
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

/** The messages that wait for a moderator; none where they cannot be read now: the next one is heard. */
async function readHeld(roomId: string): Promise<Held[]> {
  try {
    return (await ask("chat:queue", { room_id: roomId })).held;
  } catch {
    return [];
  }
}

const lowered = (people: ReadonlyMap<string, string> = new Map()): Map<string, string> =>
  new Map([...people].map(([name, id]) => [name.toLowerCase(), id]));
