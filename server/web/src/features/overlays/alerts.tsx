/** Alerts over a picture, one after another: followers, raids that come, rewards, tips, subscriptions. */
import { useEffect, useState } from "preact/hooks";
import { hear } from "../../realtime/socket";
import { money } from "../money/amounts";
import { useTitle } from "../../ui/parts";
import { useOverlayRoom } from "./room";
import { t } from "./words";

const SHOWN_MS = 6000;
/** More than these do not wait: the oldest give way. */
const MAX_WAITING = 20;

interface Alert {
  id: number;
  text: string;
}

let last = 0;

export default function AlertsOverlay() {
  useTitle(t("alerts"));
  const shown = useOverlayRoom();
  const [queue, setQueue] = useState<Alert[]>([]);
  const show = (text: string): void => setQueue((before) => [...before.slice(0, 1), ...before.slice(1).slice(1 - MAX_WAITING), { id: ++last, text }]);
  const ownerId = shown?.owner_id;
  useEffect(() => {
    const redeemed = new Set<string>();
    const stop = [
      hear("overlay:follow", ({ user }) => show(t("followed", { name: user.display_name }))),
      hear("stream:raid", ({ source, target, viewers, at }) => {
        // The raid that leaves, and the one that is still on its way, are no arrivals.
        if (target.owner.id === ownerId && Date.parse(at) <= Date.now() + 1000) show(t("raided", { name: source.owner.display_name, n: viewers }));
      }),
      hear("reward", ({ id, user, title, state }) => {
        if (state !== "waiting" || redeemed.has(id)) return;
        if (redeemed.size > 1000) redeemed.clear();
        redeemed.add(id);
        show(t("redeemed", { name: user.display_name, title }));
      }),
      hear("tip", ({ user, amount, currency, message }) => {
        const words = t("tipped", { name: user.display_name, amount: money(amount, currency) });
        show(message ? `${words}: ${message}` : words);
      }),
      hear("subscription", ({ user, tier }) => show(t("subscribes", { name: user.display_name, tier }))),
      hear("session:revoked", () => setQueue([])),
    ];
    return () => stop.forEach((one) => one());
  }, [ownerId]);
  const first = queue[0];
  useEffect(() => {
    if (!first) return;
    const timer = setTimeout(() => setQueue((before) => before.filter((one) => one.id !== first.id)), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [first?.id]);
  return (
    <div class="overlay-alerts" role="status">
      {first && (
        <p key={first.id} class="overlay-alert">
          <bdi>{first.text}</bdi>
        </p>
      )}
    </div>
  );
}
