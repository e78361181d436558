/** What watched time has brought, with its arithmetic, and the splits in which one has a part. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { count } from "../../ui/format";
import { toast } from "../../ui/toasts";
import { money } from "./amounts";
import { answerSplit, offerSplit, poolStatements, splits, type PoolStatement, type Split } from "./calls";
import { t } from "./words";

const STATES = { proposed: "proposed", agreed: "agreed", declined: "declined", replaced: "replaced" } as const;

export function Pool() {
  const [statements, setStatements] = useState<PoolStatement[]>([]);
  const [mine, setMine] = useState<Split[]>([]);
  const load = async (): Promise<void> => {
    try {
      const [found, held] = await Promise.all([poolStatements(), splits()]);
      setStatements(found.items);
      setMine(held.items);
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  useEffect(() => void load(), []);
  return (
    <>
      {statements.length > 0 && (
        <section class="panel">
          <h2>{t("pool")}</h2>
          <ul class="money-list">
            {statements.map((one) => (
              <Statement key={one.id} one={one} />
            ))}
          </ul>
        </section>
      )}
      <section class="panel">
        <h2>{t("splits")}</h2>
        {mine.length > 0 && (
          <ul class="money-list">
            {mine.map((split) => (
              <SplitItem key={split.id} split={split} onAnswer={() => void load()} />
            ))}
          </ul>
        )}
        <OfferSplit onDone={() => void load()} />
      </section>
    </>
  );
}

function Statement({ one }: { one: PoolStatement }) {
  const sums = {
    pool: money(one.pool, one.currency),
    seconds: count(one.seconds),
    all: count(one.all_seconds),
    amount: money(one.amount, one.currency),
    percent: one.percent,
    part: money(one.part, one.currency),
  };
  return (
    <li>
      <div class="money-what">
        <b>
          <bdi>{one.title}</bdi>
        </b>{" "}
        <span class="dim">{one.month.slice(0, 7)}</span>
        <p class="dim">{t("arithmetic", sums)}</p>
      </div>
      <strong>{money(one.part, one.currency)}</strong>
    </li>
  );
}

function SplitItem({ split, onAnswer }: { split: Split; onAnswer: () => void }) {
  const isMyTurn = split.state === "proposed" && split.parts.some((part) => part.user_id === me.value?.id && !part.has_agreed);
  const answer = async (verb: "agree" | "decline"): Promise<void> => {
    try {
      await answerSplit(split.id, verb);
      onAnswer();
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <li>
      <div class="money-what">
        <b>
          <bdi>{split.title}</bdi>
        </b>{" "}
        <span>{t(STATES[split.state])}</span>
        <p class="dim">{split.parts.map((part) => `${part.username} ${part.percent}%`).join(" · ")}</p>
      </div>
      {isMyTurn && (
        <>
          <button type="button" class="button accent" aria-label={t("agreeTo", { name: split.title })} onClick={() => void answer("agree")}>
            {t("agree")}
          </button>
          <button type="button" class="button" aria-label={t("declineIt", { name: split.title })} onClick={() => void answer("decline")}>
            {t("decline")}
          </button>
        </>
      )}
    </li>
  );
}

interface Part {
  user: string;
  percent: string;
}

const NOBODY: Part = { user: "", percent: "50" };
const MOST = 9;

/** What an address, or an id alone, names: an uploaded video has an address of its own kind. */
function splitOf(address: string): { video_id: string } | { stream_id: string } {
  const id = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/i.exec(address)?.[0] ?? address.trim();
  return address.includes("/videos/") ? { video_id: id } : { stream_id: id };
}

/** Offer others a part of what a stream or video of one's own brings; what is left is one's own. */
function OfferSplit({ onDone }: { onDone: () => void }) {
  const [address, setAddress] = useState("");
  const [parts, setParts] = useState<Part[]>([NOBODY]);
  const own = 100 - parts.reduce((sum, part) => sum + (Number(part.percent) || 0), 0);
  const change = (place: number, part: Partial<Part>): void =>
    setParts(parts.map((one, n) => (n === place ? { ...one, ...part } : one)));
  const offer = async (): Promise<void> => {
    const given = parts.map((part) => ({ user: part.user.trim(), percent: Number(part.percent) }));
    try {
      await offerSplit({ ...splitOf(address), parts: [...given, { user: me.value?.username ?? "", percent: own }] });
      setParts([NOBODY]);
      toast(t("splitOffered"), "good");
      onDone();
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <form
      class="money-form"
      onSubmit={(event) => {
        event.preventDefault();
        void offer();
      }}
    >
      <h3>{t("offerSplit")}</h3>
      <label>
        {t("splitStream")}
        <input dir="ltr" required maxLength={300} value={address} onInput={(event) => setAddress(event.currentTarget.value)} />
      </label>
      {parts.map((part, n) => (
        <div class="row" key={n}>
          <label>
            {t("splitUser")}
            <input dir="auto" required maxLength={64} value={part.user} onInput={(event) => change(n, { user: event.currentTarget.value })} />
          </label>
          <label>
            {t("splitPercent")}
            <input type="number" min="1" max="99" step="1" required value={part.percent} onInput={(event) => change(n, { percent: event.currentTarget.value })} />
          </label>
          {parts.length > 1 && (
            <button type="button" class="button small" aria-label={t("removePart")} onClick={() => setParts(parts.filter((_, place) => place !== n))}>
              ×
            </button>
          )}
        </div>
      ))}
      <p class={own < 1 ? "money-bad" : "dim"} role="status">
        {t("splitRest", { n: own })}
      </p>
      <button type="button" class="button" disabled={parts.length >= MOST} onClick={() => setParts([...parts, NOBODY])}>
        {t("addPart")}
      </button>
      <button type="submit" class="button accent" disabled={own < 1}>
        {t("offerSplit")}
      </button>
    </form>
  );
}
