/** What was pushed and mailed, and what became of it, for operators. */
import { useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";
import { ago, when } from "../../ui/format";
import { Empty, Field, Spinner } from "../../ui/parts";
import { usePages } from "../../ui/pages";
import { KINDS, type Kind } from "./kinds";
import { t } from "./words";
import "./settings.css";

type Deliveries = Answer<"listNotificationDeliveries">;
type Delivery = Deliveries["items"][number];

const STATES = {
  waiting: "stateWaiting",
  sending: "stateSending",
  sent: "stateSent",
  cancelled: "stateCancelled",
  failed: "stateFailed",
  gone: "stateGone",
  unsure: "stateUnsure",
} as const satisfies Record<Delivery["state"], string>;

const listed = (asked: Record<string, string>, cursor: string): Promise<Deliveries> => {
  const chosen = Object.entries({ ...asked, cursor }).filter(([, value]) => value);
  return call(`/admin/notification-deliveries?${new URLSearchParams(chosen)}`);
};

export default function DeliveryLog() {
  const [asked, setAsked] = useState({ state: "", username: "" });
  const { items, next, failure, more } = usePages<Delivery>((cursor) => listed(asked, cursor), [asked.state, asked.username]);
  if (failure instanceof ApiError && failure.status === 403) return <Empty title={t("forOperators")} />;
  return (
    <div class="delivery-log">
      <Filter onAsk={setAsked} />
      <p role="status">{failure ? sentence(failure) : ""}</p>
      {!items && !failure && <Spinner />}
      {items?.length === 0 && <Empty title={t("noDeliveries")} />}
      {items && items.length > 0 && (
        <ul class="delivery-list" aria-label={t("deliveries")}>
          {items.map((one) => (
            <Entry key={one.id} one={one} />
          ))}
        </ul>
      )}
      {next && (
        <button type="button" class="button" onClick={more}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

const Entry = ({ one }: { one: Delivery }) => (
  <li class="panel delivery">
    <p>
      <b>
        <bdi>@{one.username}</bdi>
      </b>{" "}
      · {one.kind in KINDS ? t(KINDS[one.kind as Kind]) : one.kind} · {t(one.channel)}
    </p>
    <p>
      <span class={`badge delivery-${one.state}`}>{t(STATES[one.state])}</span>{" "}
      <time class="dim" dateTime={one.created_at} title={when(one.created_at)}>
        {ago(one.created_at)}
      </time>
      {one.tries > 1 && <span class="dim"> · {t("tries", { n: one.tries })}</span>}
    </p>
    {one.reason && (
      <p class="mono dim" dir="ltr">
        {one.reason}
      </p>
    )}
  </li>
);

function Filter({ onAsk }: { onAsk: (asked: { state: string; username: string }) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const ask = (event?: Event): void => {
    event?.preventDefault();
    const given = new FormData(form.current ?? undefined);
    onAsk({ state: String(given.get("state") ?? ""), username: String(given.get("username") ?? "").trim().replace(/^@/, "") });
  };
  return (
    <form class="delivery-filter" role="search" aria-label={t("filter")} ref={form} onSubmit={ask}>
      <Field label={t("state")} name="state">
        {(ids) => (
          <select {...ids} name="state" onChange={() => ask()}>
            <option value="">{t("all")}</option>
            {Object.entries(STATES).map(([state, word]) => (
              <option key={state} value={state}>
                {t(word)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("person")} name="username">
        {(ids) => <input {...ids} name="username" type="search" dir="ltr" maxLength={64} autocomplete="off" spellcheck={false} />}
      </Field>
      <button type="submit" class="button">
        {t("show")}
      </button>
    </form>
  );
}
