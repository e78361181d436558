/** The messages of a conversation: the parts of the chat, with edits, reactions, receipts and who is writing. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import type { ChatEntry, ChatMessage } from "../../api/types";
import { ask, connection, hear } from "../../realtime/socket";
import { listed } from "../../ui/format";
import { DownIcon, PictureIcon } from "../../ui/icons";
import { attempt } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import "../chat/chat.css";
import { Composer } from "../chat/composer";
import { useJoined } from "../chat/joined";
import { ChatLog, type LogPort, type RowAction } from "../chat/log";
import { NO_LOOKS } from "../chat/looks";
import { mirrorPort } from "../chat/mirror-port";
import { OutboxRows } from "../chat/outbox";
import { ChatMirror, type Outgoing } from "../chat/room-mirror";
import { MAX_PICTURES, type Picture } from "../posts/draft";
import { PictureFields, PicturePicker } from "../posts/pictures";
import { nameOf, othersIn, readersOf, type Talk, titleOf } from "./names";
import { Receipts } from "./receipts";
import { Typing, useTyping } from "./typing";
import { t } from "./words";

const EMOJI = ["👍", "❤️", "😂", "😮", "🎉"] as const;
const CHANGEABLE_MS = 15 * 60_000;

interface Live {
  mirror: ChatMirror;
  log: ChatLog;
}

const isFresh = ({ sent_at }: ChatMessage): boolean => Date.now() - Date.parse(sent_at) < CHANGEABLE_MS;

const lastOf = (entries: readonly ChatEntry[], ownId: string | undefined): number =>
  entries.reduce((last, entry) => (!entry.deleted && entry.user.id === ownId ? Math.max(last, entry.offset) : last), 0);

export function Room({ one }: { one: Talk }) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const live = useRef<Live | null>(null);
  const [outbox, setOutbox] = useState<Outgoing[]>([]);
  const [waiting, setWaiting] = useState(0);
  const [spoken, setSpoken] = useState("");
  const [replyTo, setReplyTo] = useState<ChatMessage | null>(null);
  const [editing, setEditing] = useState<ChatMessage | null>(null);
  const [waitUntil, setWaitUntil] = useState(0);
  const [pictures, setPictures] = useState<Picture[]>([]);
  const [sending, setSending] = useState(0);
  const [ownOffset, setOwnOffset] = useState(0);
  const user = me.value;
  const roomId = one.room_id;
  const room = useJoined(roomId);
  const typing = useTyping(roomId, user?.id);
  /** What is told of who writes and has read is of conversations. */
  const isTold = one.kind !== "community" && one.kind !== "cohort";
  const receipts = useMemo(
    () => new Receipts(async (offset) => void (isTold && (await ask("chat:read", { room_id: roomId, offset })))),
    [roomId, isTold],
  );
  const blocked = useMemo(() => new Set(one.people.filter(({ is_blocked }) => is_blocked).map(({ id }) => id)), [one.people]);
  const shown = useRef(blocked);
  shown.current = blocked;
  const names = useMemo(() => new Map(one.people.map((each) => [each.id, nameOf(each)])), [one.people]);

  const port = useMemo<LogPort>(() => {
    const react = (message: ChatMessage, emoji: string, on: boolean): void =>
      void attempt(async () => void (await ask("chat:react", { room_id: roomId, message_id: message.id, emoji, on })));
    const own = (message: ChatMessage): RowAction[] => [
      { label: t("edit"), act: () => setEditing(message) },
      { label: t("remove15"), act: () => void attempt(async () => void (await ask("chat:delete", { room_id: roomId, message_id: message.id }))) },
    ];
    return {
      onWaiting: setWaiting,
      older: (before) => live.current?.mirror.older(before) ?? Promise.resolve([]),
      actions: (message) =>
        one.state !== "open"
          ? []
          : [
              { label: t("reply"), act: () => setReplyTo(message) },
              ...EMOJI.map((emoji) => ({ label: emoji, name: t("react", { emoji }), act: () => react(message, emoji, true) })),
              ...(message.user.id === user?.id && isFresh(message) ? own(message) : []),
            ],
      announce: setSpoken,
      ownName: user?.username ?? null,
      openThread: null,
      looks: NO_LOOKS,
      reacting: { ownId: user?.id ?? "", react, nameOf: (id) => names.get(id) ?? "" },
    };
  }, [user?.id, roomId, one.state, names]);

  useEffect(() => {
    if (!scroller.current || !list.current) return;
    const log = new ChatLog({ scroller: scroller.current, list: list.current, port });
    const visible = (entries: ChatEntry[]): ChatEntry[] => entries.filter((entry) => (entry.deleted ? !entry.hidden : !shown.current.has(entry.user.id)));
    const seen = (entries: ChatEntry[]): void => {
      setOwnOffset((before) => Math.max(before, lastOf(entries, me.peek()?.id)));
      receipts.seen(entries.at(-1)?.offset ?? 0);
    };
    const mirror = new ChatMirror({
      roomId,
      port: mirrorPort,
      view: {
        onReset: (entries) => {
          log.reset(visible(entries));
          seen(entries);
        },
        onAppend: (entries) => {
          log.append(visible(entries));
          seen(entries);
        },
        onInsert: (entries) => log.insert(visible(entries)),
        onDelete: (id) => log.remove(id),
        onRestore: (entry) => visible([entry]).forEach((one) => log.restore(one)),
        onClear: (upTo, userId) => log.clear(upTo, userId),
        onOutbox: setOutbox,
        onWait: (ms) => setWaitUntil(performance.now() + ms),
      },
    });
    live.current = { mirror, log };
    const change = (body: { room_id: string; id: string }, fields: Partial<ChatMessage>): void => {
      if (body.room_id === roomId) log.change(body.id, fields);
    };
    const stops = [
      // The document has one shape for messages and for what keeps a deleted one's place.
      hear("chat:messages", (body) => mirror.receive(body as unknown as Parameters<ChatMirror["receive"]>[0])),
      hear("chat:gap", (body) => void mirror.fill(body).catch(() => undefined)),
      hear("chat:deleted", (body) => body.room_id === roomId && mirror.remove(body.id)),
      hear("chat:restored", (body) => mirror.restore(body as unknown as Parameters<ChatMirror["restore"]>[0])),
      hear("chat:edited", (body) => change(body, { text: body.text, edited_at: body.edited_at })),
      hear("chat:reacted", (body) => change(body, { reactions: body.reactions })),
    ];
    mirror.hold();
    return () => {
      for (const stop of stops) stop();
      receipts.close();
      log.close();
      live.current = null;
    };
  }, [roomId]);

  useEffect(() => live.current?.log.setPort(port), [port]);
  useEffect(() => {
    if (room?.room_id === roomId) void live.current?.mirror.open(room).catch((error) => toast(sentence(error), "bad"));
  }, [room, roomId]);

  const send = (text: string): void => {
    if (editing) {
      const changed = editing;
      setEditing(null);
      void attempt(async () => void (await ask("chat:edit", { room_id: roomId, message_id: changed.id, text })));
      return;
    }
    live.current?.mirror.send(text, replyTo?.id ?? null, pictures.map(({ id, alt }) => ({ upload_id: id, alt })));
    setPictures([]);
    setReplyTo(null);
    live.current?.log.pin();
  };
  const usernames = (): string[] => othersIn(one, user?.id).map(({ username }) => username);

  return (
    <section class="chat chat-live messages-chat" aria-label={t("messages", { name: titleOf(one, user?.id) })}>
      {connection.value !== "online" && <span class="chat-status visually-hidden">{connection.value}</span>}
      {/* A focus stop of its own: arrow keys walk through the messages. */}
      <div class="chat-scroller" ref={scroller} tabIndex={0} role="log" aria-live="off" aria-label={t("messages", { name: titleOf(one, user?.id) })}>
        <ol class="chat-list" data-empty={t("emptyRoom")} ref={list} />
        <OutboxRows outbox={outbox} mirror={live.current?.mirror} />
      </div>
      {waiting > 0 && (
        <button type="button" class="chat-more" aria-label={t("unread", { n: waiting })} onClick={() => live.current?.log.pin()}>
          <DownIcon /> {waiting}
        </button>
      )}
      <p class="visually-hidden" aria-live="polite">
        {spoken}
      </p>
      <p class="messages-state">
        <Typing people={typing.people} names={names} />
        <ReadBy one={one} offset={ownOffset} />
      </p>
      {one.state === "open" && (
        <Composer
          replyTo={replyTo}
          onCancelReply={() => setReplyTo(null)}
          editing={editing}
          onCancelEdit={() => setEditing(null)}
          onSend={send}
          onTyping={isTold ? typing.tell : () => undefined}
          waitUntil={waitUntil}
          names={usernames}
          emotes={NO_LOOKS.emotes}
          mayModerate={false}
          more={!editing && pictures.length > 0 && <PictureFields pictures={pictures} onChange={setPictures} />}
          adding={
            !editing && (
              <PicturePicker
                icon={<PictureIcon />}
                room={MAX_PICTURES - pictures.length}
                onPicture={(one) => setPictures((before) => [...before, one].slice(0, MAX_PICTURES))}
                onSending={setSending}
                onFailure={(why) => why && toast(why, "bad")}
              />
            )
          }
          mayBeEmpty={editing ? Boolean(editing.attachments?.length) : pictures.length > 0}
          isHeld={sending > 0}
        />
      )}
    </section>
  );
}

function ReadBy({ one, offset }: { one: Talk; offset: number }) {
  const readers = readersOf(one, me.value?.id, offset);
  if (!readers.length) return null;
  return <span class="messages-read">{one.kind === "direct" ? t("read") : t("readBy", { names: listed(readers.map(nameOf)) })}</span>;
}
