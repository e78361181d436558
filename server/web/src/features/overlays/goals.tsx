/** The goals over a picture: read again when a person follows, and every few seconds. */
import { useEffect, useRef, useState } from "preact/hooks";
import { connect, hear, onConnect } from "../../realtime/socket";
import { decimal } from "../../ui/format";
import { useInterval, useTitle } from "../../ui/parts";
import { getGoals, type Goal } from "./calls";
import "./overlays.css";
import { t } from "./words";

const READ_MS = 10_000;
/** Many who follow at once cost one read. */
const SOON_MS = 1000;

export default function GoalsOverlay() {
  useTitle(t("goals"));
  const [goals, setGoals] = useState<Goal[]>([]);
  const soon = useRef(0);
  const read = async (): Promise<void> => {
    soon.current = 0;
    setGoals((await getGoals()).items);
  };
  const tryRead = (): void => void read().catch(() => undefined);
  useEffect(() => {
    document.documentElement.classList.add("is-overlay");
    connect();
    const stop = [
      onConnect(tryRead),
      hear("overlay:follow", () => void (soon.current ||= window.setTimeout(tryRead, SOON_MS))),
      hear("session:revoked", () => setGoals([])),
    ];
    return () => {
      clearTimeout(soon.current);
      stop.forEach((one) => one());
    };
  }, []);
  useInterval(tryRead, READ_MS, true, true);
  return (
    <div class="overlay-goals">
      {goals.map((goal) => (
        <Bar key={goal.kind} goal={goal} />
      ))}
    </div>
  );
}

function Bar({ goal }: { goal: Goal }) {
  const share = Math.min(1, goal.current / goal.target);
  return (
    <section class={`overlay-goal ${share === 1 ? "is-reached" : ""}`} style={{ "--share": share }}>
      <h1>
        <bdi>{goal.title}</bdi>
      </h1>
      <p>
        <bdi>
          {decimal(goal.current, 0)} / {decimal(goal.target, 0)}
        </bdi>
      </p>
    </section>
  );
}
