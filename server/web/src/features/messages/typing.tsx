/** Who is writing in a conversation, and that oneself is. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, hear } from "../../realtime/socket";
import { listed } from "../../ui/format";
import { t } from "./words";

const AGAIN_MS = 3_000;

interface Writers {
  people: readonly string[];
  /** Oneself writes. */
  tell: () => void;
}

export function useTyping(roomId: string, ownId: string | undefined): Writers {
  const [people, setPeople] = useState<readonly string[]>([]);
  const timers = useRef(new Map<string, ReturnType<typeof setTimeout>>());
  const toldAt = useRef(-Infinity);
  useEffect(() => {
    const stop = (id: string): void => {
      clearTimeout(timers.current.get(id));
      timers.current.delete(id);
      setPeople([...timers.current.keys()]);
    };
    const stops = [
      hear("chat:typing", (body) => {
        if (body.room_id !== roomId || body.user_id === ownId) return;
        clearTimeout(timers.current.get(body.user_id));
        timers.current.set(body.user_id, setTimeout(() => stop(body.user_id), body.expires_in_ms));
        setPeople([...timers.current.keys()]);
      }),
      hear("chat:messages", (body) => {
        if (body.room_id !== roomId) return;
        for (const { user } of body.messages) if (user) stop(user.id);
      }),
    ];
    return () => {
      for (const end of stops) end();
      for (const timer of timers.current.values()) clearTimeout(timer);
      timers.current.clear();
    };
  }, [roomId, ownId]);
  const tell = (): void => {
    if (performance.now() - toldAt.current < AGAIN_MS) return;
    toldAt.current = performance.now();
    void ask("chat:typing", { room_id: roomId }).catch(() => undefined);
  };
  return { people, tell };
}

export function Typing({ people, names }: { people: readonly string[]; names: ReadonlyMap<string, string> }) {
  const called = people.map((id) => names.get(id)).filter((name) => name !== undefined);
  return (
    <span class="messages-typing" role="status">
      {called.length === 1 && t("writes", { name: called[0] ?? "" })}
      {called.length > 1 && t("writesMany", { names: listed(called) })}
    </span>
  );
}
