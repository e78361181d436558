/** When something can be bought that cannot yet. */
import { useEffect, useState } from "preact/hooks";
import { duration } from "../../ui/format";
import { useInterval } from "../../ui/parts";
import { t } from "./words";

/** Whole seconds until then; 0: it can be bought. */
export function useOpening(opensAt: string | null): number {
  const left = (): number => (opensAt ? Math.max(0, Math.ceil((Date.parse(opensAt) - Date.now()) / 1000)) : 0);
  const [seconds, setSeconds] = useState(left);
  useEffect(() => setSeconds(left()), [opensAt]);
  useInterval(() => setSeconds(left()), 1000, seconds > 0);
  return seconds;
}

export function OpensIn({ seconds }: { seconds: number }) {
  return (
    <span class="badge" role="timer">
      {t("opensIn", { time: duration(seconds) })}
    </span>
  );
}
