/** What a webhook was sent, and what came of it. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago, milliseconds, when } from "../../ui/format";
import { Spinner, useInterval } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { listDeliveries, replayDelivery, type Delivery, type Webhook } from "./calls";
import type en from "./en";
import { t } from "./words";

const POLL_MS = 3000;
const MAX_SHOWN = 200;

const ERRORS = {
  "": null,
  status: "errorStatus",
  redirect: "errorRedirect",
  timeout: "errorTimeout",
  unreachable: "errorUnreachable",
  not_found: "errorNotFound",
  not_public: "errorNotPublic",
  tls: "errorTls",
  protocol: "errorProtocol",
  secret_lost: "errorSecretLost",
  switched_off: "errorSwitchedOff",
} as const satisfies Record<Delivery["error"], keyof typeof en | null>;

const STATES = {
  waiting: "waiting",
  delivered: "delivered",
  failed: "failed",
} as const satisfies Record<Delivery["state"], keyof typeof en>;

export function DeliveryLog({ webhook }: { webhook: Webhook }) {
  const [items, setItems] = useState<Delivery[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const load = async (): Promise<void> => {
    const page = await listDeliveries(webhook.id, null);
    setItems(page.items);
    setNext(page.next);
  };
  const more = async (): Promise<void> => {
    const page = await listDeliveries(webhook.id, next);
    setItems([...(items ?? []), ...page.items]);
    setNext(page.next);
  };
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), [webhook.id]);
  const isMoving = items !== null && items.length <= 20 && items.some((one) => one.state === "waiting");
  useInterval(() => void load().catch(() => undefined), POLL_MS, isMoving);
  const replay = (one: Delivery): Promise<void> => attempt(() => replayDelivery(webhook.id, one.id).then(load), t("replayed"));
  if (!items) return <Spinner />;
  return (
    <>
      {items.length === 0 && <p>{t("nothingSent")}</p>}
      <ul class="webhooks-deliveries">
        {items.map((one) => (
          <li key={one.id}>
            <DeliveryItem delivery={one} onReplay={webhook.active ? () => void replay(one) : null} />
          </li>
        ))}
      </ul>
      <div class="webhooks-verbs">
        <button type="button" class="button" onClick={() => void attempt(load)}>
          {t("refresh")}
        </button>
        {next && items.length < MAX_SHOWN && (
          <button type="button" class="button" onClick={() => void attempt(more)}>
            {t("more")}
          </button>
        )}
      </div>
    </>
  );
}

function storyOf(one: Delivery): string {
  const words = [t(STATES[one.state])];
  if (one.status) words.push(t("answered", { status: one.status }));
  if (one.duration_ms !== null) words.push(milliseconds(one.duration_ms));
  if (one.tries > 1) words.push(t("tries", { n: one.tries }));
  if (one.next_try_at && one.tries) words.push(t("nextTry", { when: when(one.next_try_at) }));
  if (one.replay_of) words.push(t("isReplay"));
  return words.join(" · ");
}

function DeliveryItem({ delivery, onReplay }: { delivery: Delivery; onReplay: (() => void) | null }) {
  const error = ERRORS[delivery.error];
  return (
    <>
      <div class="webhooks-what">
        <p>
          <b class="mono" dir="ltr">
            {delivery.event}
          </b>{" "}
          <span class="dim" title={when(delivery.created_at)}>
            {ago(delivery.created_at)}
          </span>
        </p>
        <p>{storyOf(delivery)}</p>
        {error && <p class="warning">{t(error)}</p>}
        {delivery.answer && (
          <details>
            <summary>{t("answer")}</summary>
            <pre dir="ltr">{delivery.answer}</pre>
          </details>
        )}
      </div>
      {onReplay && (
        <button type="button" class="button" aria-label={t("replayIt", { event: delivery.event })} onClick={onReplay}>
          {t("replay")}
        </button>
      )}
    </>
  );
}
