/** Counts the time that the page is looked at, and says when the person wanted to stop; they may go on all the same.
 * Where a guardian has decided it they may not. */
import { useEffect, useRef, useState } from "preact/hooks";
import { me, signOut } from "../../api/session";
import { isThere } from "../../api/rooms";
import { hear } from "../../realtime/socket";
import { beActive, getWellbeing } from "./calls";
import { t } from "./words";
import "./wellbeing.css";

const BEAT_MS = 60_000;
/** Who goes on is left alone for so long. */
const SNOOZE_MS = 15 * 60_000;

interface Stop {
  kind: "enough" | "break";
  minutes: number;
}

export default function WellbeingTool() {
  const [stop, setStop] = useState<Stop | null>(null);
  const [isStopped, setStopped] = useState(false);
  const quietUntil = useRef(0);
  const isOn = Boolean(me.value) && isThere({ room: "wellbeing" });
  useEffect(() => {
    if (!isOn) return;
    const beat = async (): Promise<void> => {
      if (document.visibilityState !== "visible") return;
      try {
        const { seconds_today, is_over, needs_break, is_stopped } = await beActive();
        setStopped(is_stopped);
        if (Date.now() < quietUntil.current || !(is_over || needs_break)) return;
        setStop({ kind: is_over ? "enough" : "break", minutes: Math.floor(seconds_today / 60) });
      } catch {
        // The next beat counts what this one could not.
      }
    };
    const ask = (): void => void getWellbeing().then(({ is_stopped }) => setStopped(is_stopped), () => undefined);
    ask();
    const timer = setInterval(() => void beat(), BEAT_MS);
    const stopHearing = hear("wellbeing:guardian", ask);
    return () => {
      clearInterval(timer);
      stopHearing();
      setStopped(false);
    };
  }, [isOn, me.value?.id]);
  const goOn = (): void => {
    quietUntil.current = Date.now() + SNOOZE_MS;
    setStop(null);
  };
  if (isStopped) return <FirmStop />;
  return stop && <GentleStop of={stop} onDone={goOn} />;
}

/** Of a guardian: there is no way past it but to sign out. */
function FirmStop() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    for (const one of document.querySelectorAll("video, audio")) if (one instanceof HTMLMediaElement) one.pause();
  }, []);
  return (
    <dialog
      class="dialog wellbeing-firm"
      ref={dialog}
      onCancel={(event) => event.preventDefault()}
      onClose={() => dialog.current?.showModal()}
      aria-labelledby="wellbeing-firm"
    >
      <h2 id="wellbeing-firm">{t("stoppedTitle")}</h2>
      <p>{t("stoppedText")}</p>
      <button type="button" class="button" onClick={() => void signOut()}>
        {t("signOut")}
      </button>
    </dialog>
  );
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
