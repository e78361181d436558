/** What one has earned, what can be paid out, and what subscribers can choose. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { hear } from "../../realtime/socket";
import { Spinner } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { AdEarnings } from "./advertising";
import { CURRENCIES, minorUnits, money } from "./amounts";
import { askPayout, balances, myTiers, openPayoutAccount, payouts, putTiers, type Balance, type NewTier, type Payout, type Tier } from "./calls";
import "./money.css";
import { Pool } from "./pool";
import { Statements } from "./statements";
import { MySubscriptions } from "./subscriptions";
import { Supporters } from "./supporters";
import { t } from "./words";

const STATES = { pending: "underWay", paid: "paid", failed: "failed" } as const;

interface Earned {
  balances: Balance[];
  payouts: Payout[];
}

export default function Earnings() {
  const [earned, setEarned] = useState<Earned | null>(null);
  const [tiers, setTiers] = useState<Tier[]>([]);
  const attempt = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  const load = async (): Promise<void> => {
    const [held, paid, offered] = await Promise.all([balances(), payouts(), myTiers()]);
    setEarned({ balances: held.balances, payouts: paid.items });
    setTiers(offered.tiers);
  };
  useEffect(() => {
    void attempt(load);
    const again = (): void => void attempt(load);
    const stop = [hear("tip", again), hear("subscription", again)];
    return () => stop.forEach((end) => end());
  }, []);
  if (!earned) return <Spinner />;
  const onboard = async (): Promise<void> => {
    const { onboarding_url, is_ready } = await openPayoutAccount();
    if (!is_ready) location.assign(onboarding_url);
  };
  const payOut = async (currency: string): Promise<void> => {
    const { payout } = await askPayout(currency);
    toast(t("payoutAsked", { amount: money(payout.amount, payout.currency) }), "good");
    await load();
  };
  const offer = async (next: NewTier[]): Promise<void> => setTiers((await putTiers(next)).tiers);
  return (
    <div class="money-earnings">
      <section class="panel">
        <h2>{t("balances")}</h2>
        {earned.balances.length === 0 && <p class="hint">{t("nothingYet")}</p>}
        {earned.balances.map((one) => (
          <div class="row" key={one.currency}>
            <span>
              {t("available")}: {money(one.available, one.currency)} · {t("pending")}: {money(one.pending, one.currency)}
            </span>
            <button type="button" class="button small" disabled={one.available <= 0} onClick={() => void attempt(() => payOut(one.currency))}>
              {t("payOut")}
            </button>
          </div>
        ))}
        <button type="button" class="button" onClick={() => void attempt(onboard)}>
          {t("payoutAccount")}
        </button>
      </section>
      <Supporters />
      <Pool />
      <AdEarnings />
      {earned.payouts.length > 0 && (
        <section class="panel">
          <h2>{t("payouts")}</h2>
          <ul>
            {earned.payouts.map((one) => (
              <li key={one.id}>
                {money(one.amount, one.currency)} · {t(STATES[one.state])}
                {one.withheld > 0 && ` · ${t("withheld", { amount: money(one.withheld, one.currency) })}`}
                {one.reason && <span class="money-bad"> · {one.reason}</span>}
              </li>
            ))}
          </ul>
        </section>
      )}
      <Statements />
      <MySubscriptions />
      <TierList tiers={tiers} onOffer={(next) => void attempt(() => offer(next))} />
    </div>
  );
}

function TierList({ tiers, onOffer }: { tiers: Tier[]; onOffer: (next: NewTier[]) => void }) {
  const [name, setName] = useState("");
  const [amount, setAmount] = useState("5");
  const [currency, setCurrency] = useState<string>(CURRENCIES[0]);
  const add = (): void => {
    onOffer([...tiers, { name, amount: minorUnits(Number(amount) || 0, currency), currency }]);
    setName("");
  };
  return (
    <section class="panel">
      <h2>{t("tiers")}</h2>
      <ul class="money-tiers">
        {tiers.map((tier) => (
          <li key={tier.id} class="row">
            <span>
              <bdi>{tier.name}</bdi> · {money(tier.amount, tier.currency)}
            </span>
            <button type="button" class="button small" aria-label={t("removeTier", { name: tier.name })} onClick={() => onOffer(tiers.filter((one) => one.id !== tier.id))}>
              ×
            </button>
          </li>
        ))}
      </ul>
      <form
        class="row money-form"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <label>
          {t("tierName")}
          <input dir="auto" required maxLength={40} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          {t("amount")}
          <input type="number" min="0" step="any" required value={amount} onInput={(event) => setAmount(event.currentTarget.value)} />
        </label>
        <label>
          {t("currency")}
          <select value={currency} onChange={(event) => setCurrency(event.currentTarget.value)}>
            {CURRENCIES.map((code) => (
              <option key={code}>{code}</option>
            ))}
          </select>
        </label>
        <button type="submit" class="button">
          {t("addTier")}
        </button>
      </form>
    </section>
  );
}
