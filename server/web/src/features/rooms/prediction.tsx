import { useRef, useState } from "preact/hooks";
import { randomId } from "../../api/locks";
import { shares } from "./board";
import type { Prediction } from "./calls";
import { Card, Choice, Left } from "./card";
import { t } from "./words";

const FIRST_STAKE = 10;

interface Decisions {
  lock: () => void;
  resolve: (outcome: number) => void;
  cancel: () => void;
}

interface Props {
  prediction: Prediction;
  entry: { choice: number; points?: number; paid?: number | null } | null;
  balance: number | null;
  /** Null for who may not take part. The promise ends when it was answered. */
  onEnter: ((outcome: number, points: number, clientId: string) => Promise<void>) | null;
  decide: Decisions | null;
  isReplay?: boolean;
}

export function PredictionCard({ prediction, entry, balance, onEnter, decide, isReplay = false }: Props) {
  const { id, state, winner, outcomes } = prediction;
  const parts = shares(outcomes.map(({ points }) => points));
  const isOver = state === "resolved" || state === "cancelled";
  const [stake, setStake] = useState(FIRST_STAKE);
  const [busy, setBusy] = useState(false);
  // The same until it is answered, so that a lost answer does not stake twice.
  const clientId = useRef(randomId());
  const enter = async (outcome: number): Promise<void> => {
    if (!onEnter || busy) return;
    setBusy(true);
    await onEnter(outcome, stake, clientId.current);
    clientId.current = randomId();
    setBusy(false);
  };
  const mayEnter = onEnter !== null && state === "open" && balance !== null && balance >= 1;
  const isValid = Number.isInteger(stake) && stake >= 1 && stake <= (balance ?? 0);
  return (
    <Card id={id} label={t("prediction")} question={prediction.question} status={state === "open" ? isReplay ? "" : <Left until={prediction.closes_at} /> : t(state)}>
      <ol class="choices">
        {outcomes.map(({ text, points }, outcome) => (
          <Choice
            key={outcome}
            text={text}
            share={parts[outcome] ?? 0}
            detail={t("points", { n: points })}
            isMine={entry?.choice === outcome}
            isWinner={winner === outcome}
            onChoose={mayEnter && isValid && !busy && (entry === null || entry.choice === outcome) ? () => void enter(outcome) : null}
          />
        ))}
      </ol>
      <footer>
        {entry?.points !== undefined && <span>{t("entered", { points: t("points", { n: entry.points }), outcome: outcomes[entry.choice]?.text ?? "" })}</span>}
        {isOver && entry?.paid ? <span>{t("paid", { points: t("points", { n: entry.paid }) })}</span> : null}
        {mayEnter && (
          <label class="stake">
            <span>{t("stake")}</span>
            <input type="number" inputMode="numeric" min={1} max={balance} step={1} value={stake} aria-invalid={!isValid} onInput={(event) => setStake(event.currentTarget.valueAsNumber)} />
          </label>
        )}
        {decide && !isOver && <Decide prediction={prediction} decide={decide} />}
      </footer>
    </Card>
  );
}

function Decide({ prediction, decide }: { prediction: Prediction; decide: Decisions }) {
  return (
    <div class="decide">
      {prediction.state === "open" && (
        <button type="button" class="button small" onClick={decide.lock}>
          {t("lock")}
        </button>
      )}
      {prediction.state === "locked" &&
        prediction.outcomes.map(({ text }, outcome) => (
          <button key={outcome} type="button" class="button small" onClick={() => decide.resolve(outcome)}>
            {t("won", { outcome: text })}
          </button>
        ))}
      <button type="button" class="button small danger" onClick={decide.cancel}>
        {t("refund")}
      </button>
    </div>
  );
}
