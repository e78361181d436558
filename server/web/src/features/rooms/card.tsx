/** What the cards of polls and predictions share. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { duration, percent } from "../../ui/format";
import { CheckIcon } from "../../ui/icons";
import { useInterval } from "../../ui/parts";
import { t } from "./words";

interface Props {
  id: string;
  label: string;
  question: string;
  status: ComponentChildren;
  children: ComponentChildren;
}

export function Card({ id, label, question, status, children }: Props) {
  return (
    <article class="activity" aria-labelledby={`activity-${id}`}>
      <header>
        <span class="activity-label">{label}</span>
        <span class="activity-status tabular">{status}</span>
      </header>
      <h3 id={`activity-${id}`}>
        <bdi>{question}</bdi>
      </h3>
      {children}
    </article>
  );
}

/** The time that is left, each second. */
export function Left({ until }: { until: string }) {
  const [now, setNow] = useState(Date.now());
  useInterval(() => setNow(Date.now()), 1000);
  return <>{t("left", { time: duration(Math.max(0, Math.ceil((Date.parse(until) - now) / 1000))) })}</>;
}

interface ChoiceProps {
  text: string;
  share: number;
  detail: string;
  isMine: boolean;
  isWinner?: boolean;
  /** Null: it may not be chosen any more. */
  onChoose: (() => void) | null;
}

/** One option with its share: a button while it may be chosen. */
export function Choice({ text, share, detail, isMine, isWinner = false, onChoose }: ChoiceProps) {
  const inside = (
    <>
      <span class="choice-bar" style={{ inlineSize: `${(share * 100).toFixed(1)}%` }} />
      <bdi class="choice-text">{text}</bdi>
      <span class="choice-marks">
        {isWinner && <span class="choice-mark">{t("winner")}</span>}
        {isMine && (
          <span class="choice-mine-mark" title={t("yours")}>
            <CheckIcon />
            <span class="visually-hidden">{t("yours")}</span>
          </span>
        )}
      </span>
      <span class="choice-detail tabular">
        {percent(share)} <span class="choice-count">{detail}</span>
      </span>
    </>
  );
  const kind = `choice${isMine ? " choice-mine" : ""}${isWinner ? " choice-winner" : ""}`;
  return (
    <li>
      {onChoose ? (
        <button type="button" class={kind} onClick={onChoose}>
          {inside}
        </button>
      ) : (
        <div class={kind}>{inside}</div>
      )}
    </li>
  );
}
