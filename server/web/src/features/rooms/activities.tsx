/** The polls and predictions of a room, shown at the player's moment of the video. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import type { Stream } from "../../api/types";
import { ask, hear, onConnect } from "../../realtime/socket";
import { useInterval } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { Bar } from "./bar";
import { Board, isInView, type Placed } from "./board";
import { pollsOf, predictionsOf, type Poll, type Prediction } from "./calls";
import { PollCard } from "./poll";
import { usePoints } from "./points";
import { PredictionCard } from "./prediction";
import { RaidBanner } from "./raid";
import "./rooms.css";
import { t } from "./words";

const TICK_MS = 250;
const REPLAY_MS = 1500;

/** The server decides who may; this only shows the buttons. */
function decides(stream: Stream): boolean {
  const user = me.value;
  return user?.id === stream.owner.id || Boolean(user?.roles?.some((role) => role === "admin" || role === "moderator"));
}

/** What the person has chosen: from the list at the start, afterwards from what they do. */
type Choices = Record<string, { choice: number; points?: number; paid?: number | null }>;

function useChoices(streamId: string): [Choices, (id: string, chosen: Choices[string]) => void, () => void] {
  const [choices, setChoices] = useState<Choices>({});
  const load = async (): Promise<void> => {
    if (!me.peek()) return;
    const [polls, predictions] = await Promise.all([pollsOf(streamId), predictionsOf(streamId)]);
    const found: Choices = {};
    for (const { id, voted } of polls.items) if (voted !== null && voted !== undefined) found[id] = { choice: voted };
    for (const { id, entry } of predictions.items) if (entry) found[id] = { choice: entry.outcome, points: entry.points, paid: entry.paid };
    setChoices((before) => ({ ...before, ...found }));
  };
  const refresh = (): void => void load().catch(() => undefined);
  useEffect(refresh, [streamId, me.value?.id]);
  return [choices, (id, chosen) => setChoices((before) => ({ ...before, [id]: chosen })), refresh];
}

interface LiveProps {
  stream: Stream;
  /** How far the player is behind what is happening, in milliseconds. */
  behindMs: () => number;
}

/** Of a live room, over the socket. */
export function Activities({ stream, behindMs }: LiveProps) {
  const roomId = stream.chat.room_id;
  const boards = useMemo(
    () => ({
      polls: new Board<Poll>(({ state }) => state === "closed"),
      predictions: new Board<Prediction>(({ state }) => state === "resolved" || state === "cancelled"),
    }),
    [roomId],
  );
  const [polls, setPolls] = useState<Poll[]>([]);
  const [predictions, setPredictions] = useState<Prediction[]>([]);
  const [choices, choose, refresh] = useChoices(stream.id);
  const points = usePoints(roomId, me.value !== null && me.value.id !== stream.owner.id);
  const mine = decides(stream);
  const isOwner = me.value?.id === stream.owner.id;
  const delay = useRef(behindMs);
  delay.current = behindMs;

  const tick = (): void => {
    const now = performance.now();
    setPolls((before) => same(before, boards.polls.shown(now)));
    setPredictions((before) => same(before, boards.predictions.shown(now)));
  };
  useEffect(() => {
    const stops = [
      hear("poll:state", ({ room_id, poll }) => {
        if (room_id === roomId) boards.polls.take(poll as Poll, performance.now(), mine ? 0 : delay.current());
      }),
      hear("prediction:state", ({ room_id, prediction }) => {
        if (room_id === roomId) boards.predictions.take(prediction as Prediction, performance.now(), mine ? 0 : delay.current());
      }),
      onConnect(refresh),
    ];
    const timer = setInterval(tick, TICK_MS);
    return () => {
      clearInterval(timer);
      for (const stop of stops) stop();
    };
  }, [roomId, mine]);
  const ended = predictions.filter(({ state }) => state === "resolved" || state === "cancelled").length;
  useEffect(() => {
    if (ended) refresh();
  }, [ended]);

  const attempt = async (act: () => Promise<unknown>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  const signedIn = me.value !== null;
  return (
    <Area spoken={useSpoken(polls, predictions)} bar={stream.state !== "ended" && <Bar stream={stream} mine={mine} points={points} />}>
      <RaidBanner stream={stream} mine={isOwner} />
      {polls.map((poll) => (
        <PollCard
          key={poll.id}
          poll={poll}
          voted={choices[poll.id]?.choice ?? null}
          onVote={
            signedIn
              ? (option) =>
                  attempt(async () => {
                    await ask("poll:vote", { poll_id: poll.id, option });
                    choose(poll.id, { choice: option });
                  })
              : null
          }
          onClose={mine ? () => attempt(() => ask("poll:close", { poll_id: poll.id })) : null}
        />
      ))}
      {predictions.map((prediction) => (
        <PredictionCard
          key={prediction.id}
          prediction={prediction}
          entry={choices[prediction.id] ?? null}
          balance={points}
          onEnter={
            signedIn && !isOwner
              ? (outcome, staked, clientId) =>
                  attempt(async () => {
                    const body = { prediction_id: prediction.id, outcome, points: staked, client_id: clientId };
                    const { entry } = await ask("prediction:enter", body);
                    choose(prediction.id, { choice: outcome, points: entry.points ?? staked });
                  })
              : null
          }
          decide={
            mine
              ? {
                  lock: () => attempt(() => ask("prediction:lock", { prediction_id: prediction.id })),
                  resolve: (outcome) => attempt(() => ask("prediction:resolve", { prediction_id: prediction.id, outcome })),
                  cancel: () => attempt(() => ask("prediction:cancel", { prediction_id: prediction.id })),
                }
              : null
          }
        />
      ))}
    </Area>
  );
}

/** Of a recording, or of a live stream that is watched from an earlier moment on: as they stood then. */
export function ReplayedActivities({ streamId, positionMs }: { streamId: string; positionMs: () => number | null }) {
  const [polls, setPolls] = useState<Poll[]>([]);
  const [predictions, setPredictions] = useState<Prediction[]>([]);
  const asking = useRef(false);
  const all = useRef<{ polls: Poll[]; predictions: Prediction[] } | null>(null);
  useEffect(() => {
    const load = async (): Promise<void> => {
      const [listed, predicted] = await Promise.all([pollsOf(streamId), predictionsOf(streamId)]);
      all.current = { polls: listed.items, predictions: predicted.items };
    };
    const tryLoad = (): void => void load().catch(() => undefined);
    const isKnown = (id: string, state: string): boolean => state === "open" && [...(all.current?.polls ?? []), ...(all.current?.predictions ?? [])].some((one) => one.id === id);
    all.current = null;
    tryLoad();
    // Who has rewound comes to what is opened meanwhile, and to its end.
    const stops = [
      hear("poll:state", ({ poll }) => isKnown(poll.id, poll.state) || tryLoad()),
      hear("prediction:state", ({ prediction }) => isKnown(prediction.id, prediction.state) || tryLoad()),
    ];
    return () => stops.forEach((stop) => stop());
  }, [streamId]);
  const look = async (): Promise<void> => {
    const at = positionMs();
    if (at === null || asking.current || !all.current) return;
    const isSeen = (placed: Placed): boolean => isInView(placed, at);
    asking.current = true;
    try {
      setPolls(await asOf(all.current.polls.filter(isSeen), () => pollsOf(streamId, at)));
      setPredictions(await asOf(all.current.predictions.filter(isSeen), () => predictionsOf(streamId, at)));
    } catch {
      // The next look asks again.
    } finally {
      asking.current = false;
    }
  };
  useInterval(() => void look(), REPLAY_MS);
  return (
    <Area spoken="">
      {polls.map((poll) => (
        <PollCard key={poll.id} poll={poll} voted={poll.voted ?? null} onVote={null} onClose={null} isReplay />
      ))}
      {predictions.map((prediction) => (
        <PredictionCard key={prediction.id} prediction={prediction} entry={null} balance={null} onEnter={null} decide={null} isReplay />
      ))}
    </Area>
  );
}

/** Those that are in view, as they stood; nothing is asked when there are none. */
async function asOf<T extends { id: string }>(inView: T[], read: () => Promise<{ items: T[] }>): Promise<T[]> {
  if (!inView.length) return inView;
  const { items } = await read();
  return items.filter(({ id }) => inView.some((one) => one.id === id));
}

function Area({ children, spoken, bar }: { children: ComponentChildren; spoken: string; bar?: ComponentChildren }) {
  return (
    <section class="activities" aria-label={t("activities")}>
      <p class="visually-hidden" aria-live="polite">
        {spoken}
      </p>
      <div class="activities-cards">{children}</div>
      {bar}
    </section>
  );
}

/** What a screen reader says: that something was opened, and that it was closed. Not each vote. */
function useSpoken(polls: Poll[], predictions: Prediction[]): string {
  const known = useRef(new Map<string, string>());
  const [spoken, setSpoken] = useState("");
  const now = [
    ...polls.map(({ id, state, question }) => ({ id, state, question, opened: t("spokenPoll", { question }) })),
    ...predictions.map(({ id, state, question }) => ({ id, state, question, opened: t("spokenPrediction", { question }) })),
  ];
  useEffect(() => {
    for (const { id, state, question, opened } of now) {
      const before = known.current.get(id);
      if (before === state) continue;
      known.current.set(id, state);
      setSpoken(before === undefined ? opened : t("spokenClosed", { question }));
    }
  }, [now.map(({ id, state }) => id + state).join()]);
  return spoken;
}

const same = <T extends { id: string; revision: number }>(before: T[], after: T[]): T[] =>
  before.length === after.length && before.every(({ id, revision }, n) => id === after[n]?.id && revision === after[n]?.revision) ? before : after;
