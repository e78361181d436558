/** Counts the time that the page is looked at, and says when the person wanted to stop; they may go on all the same. */
import { useEffect, useRef, useState } from "preact/hooks";
import { me } from "../../api/session";
import { isThere } from "../../api/rooms";
import { beActive } from "./calls";
import { t } from "./words";

const BEAT_MS = 60_000;
/** Who goes on is left alone for so long. */
const SNOOZE_MS = 15 * 60_000;

interface Stop {
  kind: "enough" | "break";
  minutes: number;
}

export default function WellbeingTool() {
  const [stop, setStop] = useState<Stop | null>(null);
  const quietUntil = useRef(0);
  const isOn = Boolean(me.value) && isThere({ room: "wellbeing" });
  useEffect(() => {
    if (!isOn) return;
    const beat = async (): Promise<void> => {
      if (document.visibilityState !== "visible") return;
      try {
        const { seconds_today, is_over, needs_break } = await beActive();
        if (Date.now() < quietUntil.current || !(is_over || needs_break)) return;
        setStop({ kind: is_over ? "enough" : "break", minutes: Math.floor(seconds_today / 60) });
      } catch {
        // The next beat counts what this one could not.
      }
    };
    const timer = setInterval(() => void beat(), BEAT_MS);
    return () => clearInterval(timer);
  }, [isOn]);
  const goOn = (): void => {
    quietUntil.current = Date.now() + SNOOZE_MS;
    setStop(null);
  };
  return stop && <GentleStop of={stop} onDone={goOn} />;
}

function GentleStop({ of: { kind, minutes }, onDone }: { of: Stop; onDone: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog class="dialog" ref={dialog} onClose={onDone} aria-labelledby="wellbeing-stop">
      <h2 id="wellbeing-stop">{t(kind === "enough" ? "enoughTitle" : "breakTitle")}</h2>
      <p>{kind === "enough" ? t("enoughText", { minutes }) : t("breakText")}</p>
      <button type="button" class="button" onClick={() => dialog.current?.close()}>
        {t("goOn")}
      </button>
    </dialog>
  );
}
