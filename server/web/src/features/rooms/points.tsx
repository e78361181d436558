/** How many points a person has with the owner of a room. */
import { useEffect, useState } from "preact/hooks";
import { ask, hear, onConnect } from "../../realtime/socket";

/** Null until it is known, and where points are not `wanted`. */
export function usePoints(roomId: string, wanted: boolean): number | null {
  const [points, setPoints] = useState<number | null>(null);
  useEffect(() => {
    setPoints(null);
    if (!wanted) return;
    const load = (): void =>
      void ask("points:balance", { room_id: roomId }).then(
        (answer) => setPoints(answer.points),
        () => undefined,
      );
    const stops = [onConnect(load), hear("points:balance", (body) => void (body.room_id === roomId && setPoints(body.points)))];
    return () => {
      for (const stop of stops) stop();
    };
  }, [roomId, wanted]);
  return points;
}
