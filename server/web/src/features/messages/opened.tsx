/** The conversation that is open: who is in it, what one may do with it, and its messages. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { me } from "../../api/session";
import { hear, onConnect } from "../../realtime/socket";
import { navigate } from "../../router";
import { listed } from "../../ui/format";
import { ChevronIcon } from "../../ui/icons";
import { Avatar, Empty, Spinner } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { type Conversation, getConversation, setMembership, setMuted } from "./calls";
import { Members } from "./members";
import { nameOf, othersIn, titleOf } from "./names";
import { Room } from "./room";
import { refreshSoon } from "./store";
import { t } from "./words";

export function Opened({ id }: { id: string }) {
  const [one, setOne] = useState<Conversation | null>(null);
  const [isGone, setGone] = useState(false);
  const [isListed, setListed] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const read = async (): Promise<void> => {
    try {
      setOne(await getConversation(id));
      setGone(false);
    } catch (error) {
      if (error instanceof ApiError && [404, 422].includes(error.status)) setGone(true);
    }
  };
  useEffect(() => {
    const stops = [
      hear("conversation:changed", (body) => body.conversation_id === id && body.cause !== "message" && void read()),
      hear("chat:read", (body) => body.room_id === id && setOne((before) => before && withRead(before, body.user_id, body.offset))),
      onConnect(() => void read()),
    ];
    void read();
    return () => {
      for (const stop of stops) stop();
    };
  }, [id]);
  const isThere = one !== null && !isGone;
  useEffect(() => {
    if (isThere) heading.current?.focus({ preventScroll: true });
  }, [isThere]);

  if (isGone) {
    return (
      <div class="messages-room messages-empty">
        <Empty title={t("gone")}>
          <p>{t("goneText")}</p>
          <a class="button" href="/messages">
            {t("back")}
          </a>
        </Empty>
      </div>
    );
  }
  if (!one) return <Spinner />;
  const others = othersIn(one, me.value?.id);
  const change = (act: () => Promise<void>): void =>
    void attempt(async () => {
      await act();
      await read();
      refreshSoon();
    });
  const leave = (): void => {
    if (one.state === "request" || confirm(t("leaveSure")))
      void attempt(async () => {
        await setMembership(id, false);
        refreshSoon();
        navigate("/messages");
      });
  };
  return (
    <div class="messages-room">
      <header class="messages-room-head">
        <a class="icon-button messages-back" href="/messages" aria-label={t("back")}>
          <ChevronIcon />
        </a>
        {others[0] && <Avatar of={others[0]} size={36} />}
        <div class="messages-room-title">
          <h2 ref={heading} tabIndex={-1} dir="auto">
            {titleOf(one, me.value?.id)}
          </h2>
          {one.kind === "direct" && others[0] && (
            <a class="dim" href={`/@${others[0].username}`}>
              <bdi>@{others[0].username}</bdi>
            </a>
          )}
          {one.kind === "group" && (
            <button type="button" class="messages-people" aria-expanded={isListed} onClick={() => setListed(!isListed)}>
              {t("people", { n: one.people.length })}
            </button>
          )}
        </div>
        {one.state === "open" && (
          <div class="messages-acts">
            <button type="button" class="button" aria-pressed={one.is_muted} onClick={() => change(() => setMuted(id, !one.is_muted))}>
              {one.is_muted ? t("unmute") : t("mute")}
            </button>
            <button type="button" class="button" onClick={leave}>
              {t("leave")}
            </button>
          </div>
        )}
      </header>
      {isListed && <Members one={one} onChange={() => change(async () => undefined)} onClose={() => setListed(false)} />}
      <Room one={one} />
      {one.state === "request" && (
        <div class="messages-request" role="group" aria-labelledby="messages-request">
          <p>
            <b id="messages-request">{t("requestTitle", { name: listed(others.map(nameOf)) })}</b>
            <span class="dim">{t("requestText")}</span>
          </p>
          <div class="row">
            <button type="button" class="button accent" onClick={() => change(() => setMembership(id, true))}>
              {t("accept")}
            </button>
            <button type="button" class="button" onClick={leave}>
              {t("decline")}
            </button>
          </div>
        </div>
      )}
    </div>
  );
}

const withRead = (one: Conversation, userId: string, offset: number): Conversation => ({
  ...one,
  people: one.people.map((each) => (each.id === userId ? { ...each, read_offset: Math.max(each.read_offset, offset) } : each)),
});
