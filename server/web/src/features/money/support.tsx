/** Give a tip to who streams, or subscribe to them; and what others have just given. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import type { Stream } from "../../api/types";
import { hear } from "../../realtime/socket";
import { toast } from "../../ui/toasts";
import { Window } from "../rooms/window";
import { CURRENCIES, minorUnits, money } from "./amounts";
import { giveTip, subscribe, tiersOf, type Tier } from "./calls";
import "./money.css";
import { t } from "./words";

const SHOWN_MS = 10_000;
const MAX_MESSAGE = 300;
const GIFT_COUNTS = [1, 5, 10, 50] as const;
type GiftCount = (typeof GIFT_COUNTS)[number];

/** Where the payer goes on: the provider's page; with test money there is none. */
function goOn(isTest: boolean, url: string | null, done: string): void {
  toast(isTest ? `${done} ${t("testMoney")}` : done, "good");
  if (!isTest && url) location.assign(url);
}

export function Support({ stream }: { stream: Stream }) {
  const [isOpen, setOpen] = useState(false);
  const isOffered = me.value !== null && me.value.id !== stream.owner.id;
  return (
    <>
      {isOffered && (
        <button type="button" class="button small" onClick={() => setOpen(true)}>
          {t("support")}
        </button>
      )}
      <Given stream={stream} />
      {isOpen && (
        <Window title={t("supportName", { name: stream.owner.display_name })} onDone={() => setOpen(false)}>
          <TipForm streamId={stream.id} />
          <Tiers username={stream.owner.username} />
        </Window>
      )}
    </>
  );
}

/** The last tip or subscription, for a moment. */
function Given({ stream }: { stream: Stream }) {
  const [text, setText] = useState("");
  useEffect(() => {
    const stop = [
      hear("tip", (tip) => {
        if (tip.stream_id !== stream.id) return;
        const words = t("tipped", { name: tip.user.display_name, amount: money(tip.amount, tip.currency) });
        setText(tip.message ? `${words}: ${tip.message}` : words);
      }),
      hear("subscription", (one) => void (one.stream_id === stream.id && setText(t("subscribes", { name: one.user.display_name, tier: one.tier })))),
    ];
    return () => stop.forEach((end) => end());
  }, [stream.id]);
  useEffect(() => {
    if (!text) return;
    const timer = setTimeout(() => setText(""), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p class="money-given" role="status">
      <bdi>{text}</bdi>
    </p>
  );
}

function TipForm({ streamId }: { streamId: string }) {
  const [amount, setAmount] = useState("5");
  const [currency, setCurrency] = useState<string>(CURRENCIES[0]);
  const [message, setMessage] = useState("");
  const [busy, setBusy] = useState(false);
  const minor = minorUnits(Number(amount) || 0, currency);
  const give = async (): Promise<void> => {
    setBusy(true);
    try {
      const { tip, checkout_url } = await giveTip({ stream_id: streamId, amount: minor, currency, message: message.trim() });
      setMessage("");
      goOn(tip.is_test, checkout_url, t("given"));
    } catch (error) {
      toast(sentence(error), "bad");
    }
    setBusy(false);
  };
  return (
    <form
      class="money-form"
      onSubmit={(event) => {
        event.preventDefault();
        void give();
      }}
    >
      <h3>{t("tip")}</h3>
      <div class="row">
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
      </div>
      <label>
        {t("message")}
        <input dir="auto" maxLength={MAX_MESSAGE} value={message} onInput={(event) => setMessage(event.currentTarget.value)} />
      </label>
      <button type="submit" class="button accent" disabled={busy || minor <= 0}>
        {t("give", { amount: money(minor, currency) })}
      </button>
    </form>
  );
}

function Tiers({ username }: { username: string }) {
  const [tiers, setTiers] = useState<Tier[]>([]);
  useEffect(() => void tiersOf(username).then(({ tiers: found }) => setTiers(found), () => setTiers([])), [username]);
  const begin = async (tier: Tier): Promise<void> => {
    try {
      const { subscription, checkout_url } = await subscribe({ user: username, tier: tier.id });
      goOn(subscription?.is_test ?? false, checkout_url, t("subscribed"));
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  const give = async (tier: Tier, count: GiftCount): Promise<void> => {
    try {
      const { gift, checkout_url } = await subscribe({ user: username, tier: tier.id, gift_count: count });
      goOn(gift?.is_test ?? false, checkout_url, t("giftGiven"));
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <ul class="money-tiers">
      {tiers.map((tier) => (
        <li key={tier.id}>
          <strong>
            <bdi>{tier.name}</bdi>
          </strong>
          {tier.description && <p class="hint">{tier.description}</p>}
          <button type="button" class="button" onClick={() => void begin(tier)}>
            {t("subscribe", { amount: money(tier.amount, tier.currency) })}
          </button>
          <GiftToRoom tier={tier} onGive={(count) => void give(tier, count)} />
        </li>
      ))}
    </ul>
  );
}

/** A month for some persons of the room, drawn at random: a button for each number. */
function GiftToRoom({ tier, onGive }: { tier: Tier; onGive: (count: GiftCount) => void }) {
  return (
    <div class="money-gifts" role="group" aria-label={t("giftCount")}>
      <span class="dim">{t("giftCount")}</span>
      {GIFT_COUNTS.map((count) => (
        <button key={count} type="button" class="button small" aria-label={t("giveToRoom", { n: count, amount: money(tier.amount * count, tier.currency) })} onClick={() => onGive(count)}>
          {count} · {money(tier.amount * count, tier.currency)}
        </button>
      ))}
    </div>
  );
}
