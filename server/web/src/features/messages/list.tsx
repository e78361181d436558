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
          <b>
            <bdi>{titleOf(one, ownId)}</bdi>
          </b>
          <span class="conversation-last">
            <bdi>{one.state === "request" ? t("asks") : lastOf(one, ownId)}</bdi>
          </span>
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

function lastOf({ last_message: last, kind }: Conversation, ownId: string | undefined): string {
  if (!last) return t("nothingYet");
  if (last.deleted || !last.user) return t("deletedMessage");
  if (last.user.id === ownId) return t("you", { text: last.text });
  return kind === "group" ? t("says", { name: nameOf(last.user), text: last.text }) : last.text;
}
