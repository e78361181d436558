/** The subscriptions that one has or has given: their state, and where they are paid or cancelled. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { when } from "../../ui/format";
import { toast } from "../../ui/toasts";
import { money } from "./amounts";
import { cancelSubscription, mySubscriptions, openBillingPortal, type Subscription } from "./calls";
import { t } from "./words";

const STATES = { pending: "notPaidYet", active: "running", past_due: "pastDue", ended: "ended" } as const;

export function MySubscriptions() {
  const [mine, setMine] = useState<Subscription[]>([]);
  const attempt = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  const load = async (): Promise<void> => setMine((await mySubscriptions()).items);
  useEffect(() => void attempt(load), []);
  if (mine.length === 0) return null;
  const portal = async (): Promise<void> => location.assign((await openBillingPortal()).url);
  const cancel = async (one: Subscription): Promise<void> => {
    await cancelSubscription(one.id);
    await load();
  };
  return (
    <section class="panel">
      <h2>{t("mySubscriptions")}</h2>
      <ul class="money-list">
        {mine.map((one) => (
          <Item key={one.id} one={one} onPay={() => void attempt(portal)} onCancel={() => void attempt(() => cancel(one))} />
        ))}
      </ul>
      <button type="button" class="button" onClick={() => void attempt(portal)}>
        {t("billingPortal")}
      </button>
    </section>
  );
}

function Item({ one, onPay, onCancel }: { one: Subscription; onPay: () => void; onCancel: () => void }) {
  const isMine = (one.gift_from ?? one.user).id === me.value?.id;
  const goesOn = isMine && !one.is_cancelled && (one.state === "active" || one.state === "past_due");
  return (
    <li>
      <div class="money-what">
        <b>
          <bdi>{one.to.display_name || one.to.username}</bdi>
        </b>{" "}
        <span class="dim">
          <bdi>{one.tier}</bdi> · {money(one.amount, one.currency)}
        </span>
        <p class={one.state === "past_due" ? "money-bad" : "dim"}>
          {t(STATES[one.state])}
          {one.paid_until && one.state !== "ended" && ` · ${t("paidUntil", { date: when(one.paid_until) })}`}
        </p>
      </div>
      {goesOn && one.state === "past_due" && (
        <button type="button" class="button accent" onClick={onPay}>
          {t("payNow")}
        </button>
      )}
      {goesOn && (
        <button type="button" class="button" aria-label={t("cancelIt", { name: one.to.display_name || one.to.username })} onClick={onCancel}>
          {t("cancelSubscription")}
        </button>
      )}
    </li>
  );
}
