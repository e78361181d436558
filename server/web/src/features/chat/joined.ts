/** A room as it is joined, without being counted as one of its stream's viewers. */
import { useEffect, useState } from "preact/hooks";
import type { ChatEntry, ChatMessage, RoomState } from "../../api/types";
import { ask, connect, connection, onConnect } from "../../realtime/socket";

const AGAIN_MS = 2000;

interface Joined {
  epoch: string;
  offset: number;
  messages: ChatEntry[];
  mode?: RoomState["mode"];
  pinned?: ChatMessage | null;
  role?: RoomState["role"];
}

/** Joined at each connect; null until then. */
export function useJoined(roomId: string): RoomState | null {
  const [room, setRoom] = useState<RoomState | null>(null);
  useEffect(() => {
    let again: ReturnType<typeof setTimeout> | undefined;
    const join = async (): Promise<void> => {
      try {
        const { epoch, offset, messages, mode, pinned, role } = (await ask("chat:join", { room_id: roomId })) as unknown as Joined;
        setRoom({ room_id: roomId, epoch, offset, messages, mode: mode ?? null, pinned: pinned ?? null, role: role ?? null });
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
  return room;
}
