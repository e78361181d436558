/** The poll of the room over a picture, until a while after it is closed. */
import { useEffect, useState } from "preact/hooks";
import { hear } from "../../realtime/socket";
import { percent } from "../../ui/format";
import { useTitle } from "../../ui/parts";
import type { Poll } from "../rooms/calls";
import { Board } from "../rooms/board";
import { useOverlayRoom } from "./room";
import { t } from "./words";

const TICK_MS = 1000;

export default function PollOverlay() {
  useTitle(t("poll"));
  const shown = useOverlayRoom();
  const roomId = shown?.room_id;
  const [polls, setPolls] = useState<Poll[]>([]);
  useEffect(() => {
    const board = new Board<Poll>((poll) => poll.state !== "open");
    const draw = (): void => setPolls(board.shown(Date.now()));
    const stop = hear("poll:state", (body) => {
      if (body.room_id !== roomId) return;
      board.take(body.poll as unknown as Poll, Date.now(), 0);
      draw();
    });
    const timer = setInterval(draw, TICK_MS);
    draw();
    return () => {
      stop();
      clearInterval(timer);
    };
  }, [roomId]);
  const poll = polls.at(-1);
  return roomId && poll ? <Bars poll={poll} /> : null;
}

function Bars({ poll }: { poll: Poll }) {
  const total = poll.options.reduce((sum, one) => sum + one.votes, 0);
  return (
    <section class="overlay-poll">
      <h1>
        <bdi>{poll.question}</bdi>
      </h1>
      <ol>
        {poll.options.map((one, index) => {
          const share = total ? one.votes / total : 0;
          return (
            <li key={index} style={{ "--share": share }}>
              <bdi>{one.text}</bdi>
              <b>{percent(share)}</b>
            </li>
          );
        })}
      </ol>
      <p>{t("votes", { n: total })}</p>
    </section>
  );
}
