import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { ago, when } from "../../ui/format";
import { Avatar, Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { answerRequest } from "../people/calls";
import type { Filter, Notification } from "./list";
import { choose, drop, filter, held, markAll, markRead, more, start } from "./store";
import { t } from "./words";
import "./notifications.css";

const attempt = (act: () => Promise<void>): void => void act().catch((error) => toast(sentence(error), "bad"));

export default function NotificationsPage() {
  useTitle(t("title"));
  useEffect(() => {
    if (!me.value) return navigate(loginPath(), true);
    start();
    attempt(() => choose("all"));
    return () => {
      filter.value = "all";
    };
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
      <Filters />
      {!list && <Spinner />}
      {list && !list.items.length && (
        <Empty title={t(filter.value === "requests" ? "noRequests" : "none")}>
          <p>{t(filter.value === "requests" ? "noRequestsText" : "noneText")}</p>
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

const FILTERS = { all: "filterAll", unread: "filterUnread", mention: "filterMention", requests: "filterRequests" } as const;

function Filters() {
  return (
    <div class="notification-filters" role="group" aria-label={t("filters")}>
      {(Object.keys(FILTERS) as Filter[]).map((one) => (
        <button key={one} type="button" class="button" aria-pressed={filter.value === one} onClick={() => attempt(() => choose(one))}>
          {t(FILTERS[one])}
        </button>
      ))}
    </div>
  );
}

function Entry({ one }: { one: Notification }) {
  const newest = one.people[0];
  const isCrowd = one.kind === "follow_request" && one.count > 1;
  const href = isCrowd ? "/settings/privacy" : (one.subject?.path ?? (newest ? `/@${newest.username}` : "/notifications"));
  const open = (): void => void (one.read_at || attempt(() => markRead(one.id)));
  return (
    <li class="notification-row">
      <a class={`notification${one.read_at ? "" : " notification-unread"}`} href={href} onClick={open}>
        {newest && <Avatar of={newest} size={44} />}
        <span class="notification-text">
          <span>{said(one)}</span>
          <time dateTime={one.created_at} title={when(one.created_at)}>
            {ago(one.created_at)}
          </time>
        </span>
        {!one.read_at && <span class="notification-dot" role="img" aria-label={t("unread")} />}
      </a>
      {newest && one.kind === "follow_request" && !isCrowd && <Answers one={one} username={newest.username} name={newest.display_name || newest.username} />}
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

/** By kind: of one person, and of several. */
const SAID = {
  follow: ["followed", "followedMany"],
  follow_request: ["asked", "askedMany"],
  follow_approved: ["letIn", "letInMany"],
  mention: ["mentioned", "mentionedMany"],
  reply: ["replied", "repliedMany"],
  quote: ["quoted", "quotedMany"],
  repost: ["reposted", "repostedMany"],
  reaction: ["reacted", "reactedMany"],
  stream_started: ["started", "started"],
  stream_scheduled: ["scheduled", "scheduled"],
  stream_reminder: ["beginsSoon", "beginsSoon"],
  conversation_request: ["writes", "writes"],
  message: ["wrote", "wroteMany"],
  community: ["inCommunity", "inCommunity"],
  webhook_disabled: ["webhookOff", "webhookOff"],
  recording_expiring: ["expiring", "expiring"],
  subscription_unpaid: ["unpaid", "unpaid"],
  moderation: ["moderated", "moderated"],
  order: ["order", "order"],
  match: ["match", "match"],
} as const;

/** Of the kind community, by the type of the subject. */
const IN_COMMUNITY = {
  community_request: "communityRequest",
  community_approved: "communityApproved",
  community_invited: "communityInvited",
  community_role: "communityRole",
  community_event: "communityEvent",
  community_event_soon: "communityEventSoon",
  post: "communityPost",
} as const;

/** Of the kinds order and match, by the type of the subject. */
const BY_SUBJECT = {
  order_paid: "orderPaid",
  order_sold: "orderSold",
  order_shipped: "orderShipped",
  order_received: "orderReceived",
  order_cancelled: "orderCancelled",
  order_refunded: "orderRefunded",
  order_disputed: "orderDisputed",
  order_contested: "orderContested",
  order_decided: "orderDecided",
  match_credit: "matchCredit",
  match_mute: "matchMute",
  match_block: "matchBlock",
  match_disputed: "matchDisputed",
  match_upheld: "matchUpheld",
  match_withdrawn: "matchWithdrawn",
} as const;

const UNTITLED = { stream_started: "aStream", recording_expiring: "aStream", stream_scheduled: "aStream", stream_reminder: "aStream", community: "aCommunity", order: "anOrder", match: "aWork" } as const;

function said(one: Notification): ComponentChildren[] {
  const newest = one.people[0];
  const untitled = UNTITLED[one.kind as keyof typeof UNTITLED] ?? "aPost";
  const values = {
    who: <b dir="auto">{newest?.display_name || newest?.username}</b>,
    title: <span dir="auto">{one.subject?.title || t(untitled)}</span>,
    n: one.count - 1,
  };
  const about = IN_COMMUNITY[one.subject?.type as keyof typeof IN_COMMUNITY];
  if (one.kind === "community" && about) return t.rich(about, values);
  const become = BY_SUBJECT[one.subject?.type as keyof typeof BY_SUBJECT];
  if (become) return t.rich(become, values);
  const [single, many] = SAID[one.kind as keyof typeof SAID] ?? ["other", "other"];
  return t.rich(values.n ? many : single, values);
}
