/** What is worth a look while on the air, in the order in which it came; without a browser. */
import type { ServerEvents } from "../../api/schema";

export type Alert = { readonly key: string; readonly at: number } & (
  | { readonly kind: "follow"; readonly name: string; readonly others: number }
  | { readonly kind: "raid"; readonly name: string; readonly viewers: number }
  | { readonly kind: "came"; readonly came: number; readonly viewers: number }
  | { readonly kind: "reward"; readonly name: string; readonly title: string }
);

/** As many as are kept. */
export const KEPT = 100;

interface Person {
  username: string;
  display_name: string;
}

const nameOf = ({ username, display_name: name }: Person): string => name || username;

type Notified = Pick<ServerEvents["notification"], "id" | "kind" | "people" | "count">;

/** A group of notifications is one alert, which grows. */
export function ofNotification({ id, kind, people, count }: Notified, at: number): Alert | null {
  const [first] = people;
  if (kind !== "follow" || !first) return null;
  return { key: `follow ${id}`, at, kind: "follow", name: nameOf(first as Person), others: Math.max(0, count - 1) };
}

type Raid = Pick<ServerEvents["stream:raid"], "stream_id" | "source" | "target" | "viewers" | "at">;

/** Of a raid on one's own stream. */
export const ofRaid = (raid: Raid, streamId: string, at: number): Alert | null =>
  raid.target.id === streamId
    ? { key: `raid ${raid.stream_id} ${raid.at}`, at, kind: "raid", name: nameOf(raid.source.owner), viewers: raid.viewers }
    : null;

type Came = Raid & { came: number };

export const ofArrival = ({ stream_id: id, at: moved, came, viewers }: Came, at: number): Alert => ({
  key: `came ${id} ${moved}`,
  at,
  kind: "came",
  came,
  viewers,
});

/** The newest first; what came again stands where it is now. */
export function withAlert(alerts: readonly Alert[], alert: Alert | null): readonly Alert[] {
  if (!alert) return alerts;
  return [alert, ...alerts.filter(({ key }) => key !== alert.key)].slice(0, KEPT);
}
