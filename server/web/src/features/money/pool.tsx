/** What watched time has brought, with its arithmetic, and the splits in which one has a part. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { count } from "../../ui/format";
import { toast } from "../../ui/toasts";
import { money } from "./amounts";
import { answerSplit, poolStatements, splits, type PoolStatement, type Split } from "./calls";
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
      {mine.length > 0 && (
        <section class="panel">
          <h2>{t("splits")}</h2>
          <ul class="money-list">
            {mine.map((split) => (
              <SplitItem key={split.id} split={split} onAnswer={() => void load()} />
            ))}
          </ul>
        </section>
      )}
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
