/** Who leads in a room, by messages of a period or by points of all time. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import type { Answer } from "../../api/types";
import { count } from "../../ui/format";
import { Spinner } from "../../ui/parts";
import { leadersOf } from "./calls";
import { t } from "./words";
import { Window } from "./window";

type Leaders = Answer<"leaderboard">["items"];

const BOARDS = [
  { by: "messages", period: "day", name: "leadersDay" },
  { by: "messages", period: "week", name: "leadersWeek" },
  { by: "messages", period: "all", name: "leadersAll" },
  { by: "points", period: "all", name: "leadersPoints" },
] as const;

export function ShowLeaders({ roomId }: { roomId: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="button small" onClick={() => setOpen(true)}>
        {t("leaders")}
      </button>
      {open && (
        <Window title={t("leaders")} onDone={() => setOpen(false)}>
          <Board roomId={roomId} />
        </Window>
      )}
    </>
  );
}

function Board({ roomId }: { roomId: string }) {
  const [at, setAt] = useState(1);
  const [leaders, setLeaders] = useState<Leaders | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const board = BOARDS[at] ?? BOARDS[0];
  useEffect(() => {
    let isCurrent = true;
    setLeaders(null);
    setFailure(null);
    leadersOf(roomId, board).then(
      ({ items }) => isCurrent && setLeaders(items),
      (error) => isCurrent && setFailure(sentence(error)),
    );
    return () => {
      isCurrent = false;
    };
  }, [roomId, at]);
  return (
    <>
      <div class="segmented leaders-boards" role="group" aria-label={t("leaders")}>
        {BOARDS.map(({ name }, index) => (
          <button key={name} type="button" aria-pressed={index === at} onClick={() => setAt(index)}>
            {t(name)}
          </button>
        ))}
      </div>
      {failure && <p role="alert">{failure}</p>}
      {!leaders && !failure && <Spinner />}
      {leaders?.length === 0 && <p class="dim">{t("noLeaders")}</p>}
      <ol class="leaders">
        {leaders?.map(({ rank, id, username, display_name: name, score }) => (
          <li key={id}>
            <span class="tabular">{count(rank)}</span>
            <a href={`/@${username}`}>
              <bdi>{name || username}</bdi>
            </a>
            <span class="tabular">{count(score)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
