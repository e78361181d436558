import type { ComponentChildren } from "preact";
import { me } from "../../api/session";
import { ago, count, when } from "../../ui/format";
import { Avatar } from "../../ui/parts";
import type { Conversation } from "./calls";
import { nameOf, othersIn, titleOf } from "./names";
import { t } from "./words";

export function List({ items, openId }: { items: readonly Conversation[]; openId: string }) {
  return (
    <ul class="messages-list">
      {items.map((one) => (
        <Entry key={one.id} one={one} isOpen={one.id === openId} />
      ))}
    </ul>
  );
}

function Entry({ one, isOpen }: { one: Conversation; isOpen: boolean }) {
  const ownId = me.value?.id;
  const face = othersIn(one, ownId)[0] ?? one.people[0];
  const isNew = one.unread > 0 && !one.is_muted;
  return (
    <li>
      <a class={`conversation${isNew ? " conversation-unread" : ""}`} href={`/messages/${one.id}`} aria-current={isOpen ? "page" : undefined}>
        {face && <Avatar of={face} size={44} />}
        <span class="conversation-text">
          <b dir="auto">{titleOf(one, ownId)}</b>
          <span class="conversation-last">{one.state === "request" ? t("asks") : lastOf(one, ownId)}</span>
        </span>
        <span class="conversation-side">
          <time dateTime={one.active_at} title={when(one.active_at)}>
            {ago(one.active_at)}
          </time>
          {one.is_muted && <span class="dim">{t("muted")}</span>}
          {one.unread > 0 && (
            <span class="conversation-count">
              <span aria-hidden="true">{count(one.unread)}</span>
              <span class="visually-hidden">{t("unread", { n: one.unread })}</span>
            </span>
          )}
        </span>
      </a>
    </li>
  );
}

function lastOf({ last_message: last, kind }: Conversation, ownId: string | undefined): ComponentChildren {
  if (!last) return t("nothingYet");
  if (last.deleted || !last.user) return t("deletedMessage");
  // A box of its own, so that what does not fit is cut at the end of the text in either direction.
  const text = <span dir="auto">{last.text || t("pictures", { n: last.attachments.length })}</span>;
  if (last.user.id === ownId) return t.rich("you", { text });
  return kind === "group" ? t.rich("says", { name: <bdi>{nameOf(last.user)}</bdi>, text }) : text;
}
