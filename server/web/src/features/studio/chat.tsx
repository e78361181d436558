/** The room of one's own broadcast, read and answered without being counted as a viewer. */
import { useEffect, useState } from "preact/hooks";
import type { ChatEntry, RoomState, Stream } from "../../api/types";
import { ChatPanel } from "../chat/panel";
import { Activities } from "../rooms/activities";
import { ask, connect, connection, onConnect } from "../../realtime/socket";

const AGAIN_MS = 2000;

interface Joined {
  epoch: string;
  offset: number;
  messages: ChatEntry[];
}

export function StudioChat({ stream }: { stream: Stream }) {
  const [room, setRoom] = useState<RoomState | null>(null);
  const roomId = stream.chat.room_id;
  useEffect(() => {
    let again: ReturnType<typeof setTimeout> | undefined;
    const join = async (): Promise<void> => {
      try {
        const joined = await ask("chat:join", { room_id: roomId });
        const { epoch, offset, messages } = joined as unknown as Joined;
        setRoom({ room_id: roomId, epoch, offset, messages, mode: null, pinned: null });
      } catch {
        // Without a connection the next one joins again.
        again = setTimeout(() => connection.peek() === "online" && void join(), AGAIN_MS);
      }
    };
    connect();
    const stop = onConnect(() => void join());
    return () => {
      stop();
      clearTimeout(again);
      void ask("chat:leave", { room_id: roomId }).catch(() => undefined);
    };
  }, [roomId]);
  return (
    <div class="studio-chat">
      <ChatPanel stream={stream} room={room} reactions={false} above={<Activities stream={stream} behindMs={() => 0} />} />
    </div>
  );
}
