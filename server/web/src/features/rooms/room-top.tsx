/** What stands above the activities of a room for everybody: how lively it is, who is here, who leads. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import type { Stream } from "../../api/types";
import { hear } from "../../realtime/socket";
import { Hype, WhoIsHere } from "./here";
import { ShowLeaders } from "./leaders";

export function RoomTop({ stream, children }: { stream: Stream; children?: ComponentChildren }) {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    setLevel(0);
    return hear("stream:hype", (body) => void (body.stream_id === stream.id && setLevel(body.level)));
  }, [stream.id]);
  return (
    <div class="room-top">
      <WhoIsHere roomId={stream.chat.room_id} />
      {me.value && <ShowLeaders roomId={stream.chat.room_id} />}
      {children}
      <Hype level={level} />
    </div>
  );
}
