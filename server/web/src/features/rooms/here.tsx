/** Who is here: everybody in the room by name, and how many guests. Only the rows that are seen are drawn. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ClientEvents } from "../../api/schema";
import { sentence } from "../../api/http";
import { ask } from "../../realtime/socket";
import { count } from "../../ui/format";
import { UserIcon } from "../../ui/icons";
import { Spinner } from "../../ui/parts";
import { shownRows } from "./rows";
import { t } from "./words";
import { Window } from "./window";

type Present = ClientEvents["presence:list"]["ack"];

const PAGE = 200;
const ROW_PX = 36;

export function WhoIsHere({ roomId }: { roomId: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="button small" onClick={() => setOpen(true)}>
        <UserIcon /> {t("whoIsHere")}
      </button>
      {open && (
        <Window title={t("whoIsHere")} onDone={() => setOpen(false)}>
          <People roomId={roomId} />
        </Window>
      )}
    </>
  );
}

function People({ roomId }: { roomId: string }) {
  const [people, setPeople] = useState<Present["users"]>([]);
  const [seen, setSeen] = useState<Pick<Present, "count" | "next"> | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const reading = useRef(false);
  const read = async (cursor: string | null): Promise<void> => {
    if (reading.current) return;
    reading.current = true;
    try {
      const page = await ask("presence:list", { room_id: roomId, limit: PAGE, cursor });
      setPeople((before) => (cursor === null ? page.users : [...before, ...page.users]));
      setSeen(page);
    } catch (error) {
      setFailure(sentence(error));
    } finally {
      reading.current = false;
    }
  };
  useEffect(() => void read(null), [roomId]);
  if (failure) return <p role="alert">{failure}</p>;
  if (!seen) return <Spinner />;
  const guests = seen.next ? null : Math.max(0, seen.count - people.length);
  return (
    <>
      <p>
        {t("present", { n: seen.count })}
        {guests ? ` ${t("guests", { n: guests })}` : ""}
      </p>
      <Rows people={people} onEnd={() => seen.next && void read(seen.next)} />
    </>
  );
}

function Rows({ people, onEnd }: { people: Present["users"]; onEnd: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState(shownRows({ top: 0, height: 400, rowPx: ROW_PX, rows: people.length }));
  const look = (): void => {
    const { scrollTop = 0, clientHeight = 400 } = box.current ?? {};
    const next = shownRows({ top: scrollTop, height: clientHeight, rowPx: ROW_PX, rows: people.length });
    setRange(next);
    if (next.end >= people.length) onEnd();
  };
  useEffect(look, [people.length]);
  return (
    <div class="here" ref={box} onScroll={look} tabIndex={0} role="group" aria-label={t("whoIsHere")}>
      <ul style={{ blockSize: `${people.length * ROW_PX}px` }}>
        {people.slice(range.start, range.end).map((person, index) => (
          <li
            key={person.id}
            style={{ insetBlockStart: `${(range.start + index) * ROW_PX}px`, blockSize: `${ROW_PX}px` }}
            aria-setsize={people.length}
            aria-posinset={range.start + index + 1}
          >
            <a href={`/@${person.username}`}>
              <bdi>{person.display_name || person.username}</bdi>
            </a>{" "}
            <span class="dim">@{person.username}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** How lively the room is. Nothing while it is quiet. */
export function Hype({ level }: { level: number }) {
  if (level < 5) return null;
  return (
    <label class="hype">
      <span>{t("hype")}</span>
      <meter min={0} max={100} value={level}>
        {count(level)}
      </meter>
    </label>
  );
}
