/** The room of one's own broadcast, read and answered without being counted as a viewer. */
import type { Stream } from "../../api/types";
import { useJoined } from "../chat/joined";
import { ChatPanel } from "../chat/panel";
import { Activities } from "../rooms/activities";

export function StudioChat({ stream }: { stream: Stream }) {
  const room = useJoined(stream.chat.room_id);
  return (
    <div class="studio-chat">
      <ChatPanel stream={stream} room={room} reactions={false} above={<Activities stream={stream} behindMs={() => 0} />} />
    </div>
  );
}
