/** The room that an overlay shows: found with the key of its address, joined, and joined again for ever. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChatEntry } from "../../api/types";
import { ask, connect, hear, onConnect } from "../../realtime/socket";
import { useInterval } from "../../ui/parts";
import { getOverlay, type Shown } from "./calls";
import "./overlays.css";

const LOOK_MS = 10_000;

/** `onJoined` gets the newest messages. Null: no stream, or a key that is good no longer. */
export function useOverlayRoom(onJoined: (messages: ChatEntry[]) => void = () => undefined): Shown | null {
  const [shown, setShown] = useState<Shown | null>(null);
  const joined = useRef<string | null>(null);
  const latest = useRef(onJoined);
  latest.current = onJoined;
  const look = async (): Promise<void> => {
    const found = await getOverlay();
    setShown(found);
    const roomId = found.room_id ?? null;
    if (roomId === null || joined.current === roomId) return;
    const room = await ask("chat:join", { room_id: roomId });
    joined.current = roomId;
    latest.current(room.messages as unknown as ChatEntry[]);
  };
  const tryLook = (): void => void look().catch(() => undefined);
  useEffect(() => {
    document.documentElement.classList.add("is-overlay");
    connect();
    const stop = [
      onConnect(() => {
        joined.current = null;
        tryLook();
      }),
      hear("session:revoked", () => {
        setShown(null);
        latest.current([]);
      }),
    ];
    return () => stop.forEach((one) => one());
  }, []);
  useInterval(tryLook, LOOK_MS, true, true);
  return shown;
}
