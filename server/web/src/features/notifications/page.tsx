import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { ago, when } from "../../ui/format";
import { Avatar, Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { answerRequest } from "../people/calls";
import type { Notification } from "./list";
import { drop, held, markAll, markRead, more, refresh, start } from "./store";
import { t } from "./words";
import "./notifications.css";

const attempt = (act: () => Promise<void>): void => void act().catch((error) => toast(sentence(error), "bad"));

export default function NotificationsPage() {
  useTitle(t("title"));
  useEffect(() => {
    if (!me.value) return navigate(loginPath(), true);
    start();
    attempt(refresh);
  }, [me.value?.id]);
  const list = held.value;
  return (
    <div class="page narrow">
      <div class="notifications-head">
        <PageTitle>{t("title")}</PageTitle>
        <div class="row">
          <button type="button" class="button" disabled={!list?.unread} onClick={() => attempt(markAll)}>
            {t("readAll")}
          </button>
          <a class="button" href="/settings/notifications">
            {t("settings")}
          </a>
        </div>
      </div>
      {!list && <Spinner />}
      {list && !list.items.length && (
        <Empty title={t("none")}>
          <p>{t("noneText")}</p>
        </Empty>
      )}
      {list && list.items.length > 0 && (
        <ul class="notifications">
          {list.items.map((one) => (
            <Entry key={one.id} one={one} />
          ))}
        </ul>
      )}
      {list?.next && (
        <button type="button" class="button more" onClick={() => attempt(more)}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

function Entry({ one }: { one: Notification }) {
  const newest = one.people[0];
  if (!newest) return null;
  const isCrowd = one.kind === "follow_request" && one.count > 1;
  const href = isCrowd ? "/settings/privacy" : (one.subject?.path ?? `/@${newest.username}`);
  const open = (): void => void (one.read_at || attempt(() => markRead(one.id)));
  return (
    <li class="notification-row">
      <a class={`notification${one.read_at ? "" : " notification-unread"}`} href={href} onClick={open}>
        <Avatar of={newest} size={44} />
        <span class="notification-text">
          <span>{said(one)}</span>
          <time dateTime={one.created_at} title={when(one.created_at)}>
            {ago(one.created_at)}
          </time>
        </span>
        {!one.read_at && <span class="notification-dot" role="img" aria-label={t("unread")} />}
      </a>
      {one.kind === "follow_request" && !isCrowd && <Answers one={one} username={newest.username} name={newest.display_name || newest.username} />}
    </li>
  );
}

function Answers({ one, username, name }: { one: Notification; username: string; name: string }) {
  const answer = (isApproved: boolean): void =>
    attempt(async () => {
      await answerRequest(username, isApproved);
      drop(one.id);
      document.querySelector<HTMLElement>("h1")?.focus(); // the button that had it has gone
      toast(t(isApproved ? "approved" : "refused"), "good");
    });
  return (
    <span class="notification-answers">
      <button type="button" class="button accent" aria-label={t("approveIt", { name })} onClick={() => answer(true)}>
        {t("approve")}
      </button>
      <button type="button" class="button" aria-label={t("refuseIt", { name })} onClick={() => answer(false)}>
        {t("refuse")}
      </button>
    </span>
  );
}

function said(one: Notification): ComponentChildren[] {
  const newest = one.people[0];
  const who = <b dir="auto">{newest?.display_name || newest?.username}</b>;
  const title = <b dir="auto">{one.subject?.title || t("aStream")}</b>;
  const n = one.count - 1;
  if (one.kind === "follow") return n ? t.rich("followedMany", { who, n }) : t.rich("followed", { who });
  if (one.kind === "follow_request") return n ? t.rich("askedMany", { who, n }) : t.rich("asked", { who });
  if (one.kind === "follow_approved") return n ? t.rich("letInMany", { who, n }) : t.rich("letIn", { who });
  if (one.kind === "mention") return n ? t.rich("mentionedMany", { who, n, title }) : t.rich("mentioned", { who, title });
  return one.kind === "stream_started" ? t.rich("started", { who, title }) : t.rich("other", { who });
}
