/** The rewards that wait for the streamer. */
import type { Stream } from "../../api/types";
import { Redemptions, useWaiting } from "../rooms/redemptions";
import "../rooms/rooms.css";
import { t } from "./words";

export function Queue({ stream }: { stream: Stream }) {
  const [waiting, reload] = useWaiting(stream.chat.room_id, true);
  if (!waiting.length) return <p class="dim">{t("noneWaiting")}</p>;
  return (
    <div class="dash-queue">
      <Redemptions waiting={waiting} onChange={reload} />
    </div>
  );
}
