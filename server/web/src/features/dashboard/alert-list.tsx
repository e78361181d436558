/** New followers, raids and rewards while the panel is open. */
import { useEffect, useState } from "preact/hooks";
import type { Stream } from "../../api/types";
import { connect, hear } from "../../realtime/socket";
import { clock } from "../../ui/format";
import { ofArrival, ofNotification, ofRaid, withAlert, type Alert } from "./alerts";
import { t } from "./words";

export function Alerts({ stream }: { stream: Stream }) {
  const [alerts, setAlerts] = useState<readonly Alert[]>([]);
  useEffect(() => {
    connect();
    const add = (alert: Alert | null): void => setAlerts((before) => withAlert(before, alert));
    const stops = [
      hear("notification", (body) => add(ofNotification(body, Date.now()))),
      hear("stream:raid", (body) => add(ofRaid(body, stream.id, Date.now()))),
      hear("stream:raid_came", (body) => add(ofArrival(body, Date.now()))),
      hear("reward", ({ id, room_id, state, title, user }) => {
        if (room_id !== stream.chat.room_id || state !== "waiting") return;
        add({ key: `reward ${id}`, at: Date.now(), kind: "reward", name: user.display_name || user.username, title });
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [stream.id]);
  if (!alerts.length) return <p class="dim">{t("quiet")}</p>;
  return (
    <ol class="dash-alert-list" aria-live="polite">
      {alerts.map((alert) => (
        <li key={alert.key} class={`dash-alert dash-alert-${alert.kind}`}>
          <bdi>{said(alert)}</bdi> <time class="dim tabular">{clock(new Date(alert.at).toISOString())}</time>
        </li>
      ))}
    </ol>
  );
}

function said(alert: Alert): string {
  switch (alert.kind) {
    case "follow":
      return alert.others ? t("followedMany", { name: alert.name, n: alert.others }) : t("followed", { name: alert.name });
    case "raid":
      return t("raided", { name: alert.name, n: alert.viewers });
    case "came":
      return t("raidCame", { came: alert.came, viewers: alert.viewers });
    case "reward":
      return t("rewarded", { name: alert.name, title: alert.title });
  }
}
