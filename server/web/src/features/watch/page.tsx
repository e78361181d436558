import { useEffect, useRef, useState } from "preact/hooks";
import { getStream } from "../streams/calls";
import { ApiError, sentence } from "../../api/http";
import type { RoomState, Stream } from "../../api/types";
import { ChatPanel } from "../chat/panel";
import { ReplayChat } from "../chat/replay";
import type { Playback } from "../player/playback";
import { Player } from "../player/player";
import { ask, AskError, connect, connection, hear, onConnect, tell } from "../../realtime/socket";
import { Empty, PageTitle, Spinner, useInterval, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { Missing } from "../../ui/missing";
import { StreamInfo } from "./stream-info";
import "./watch.css";
import { t } from "./words";

const HEARTBEAT_MS = 10_000;
const POLL_MS = 10_000;

interface Watched {
  stream: Stream | null;
  room: RoomState | null;
  viewers: number;
  failure: unknown;
  setStream: (stream: Stream) => void;
}

/** The stream and its room, kept current over the socket; by polling while there is no socket. */
function useWatched(streamId: string): Watched {
  const [stream, setStream] = useState<Stream | null>(null);
  const [room, setRoom] = useState<RoomState | null>(null);
  const [viewers, setViewers] = useState(0);
  const [failure, setFailure] = useState<unknown>(null);

  const load = async (): Promise<void> => {
    try {
      const fresh = await getStream(streamId);
      setStream(fresh);
      setViewers(fresh.viewers);
      setFailure(null);
    } catch (error) {
      setFailure(error);
    }
  };

  useEffect(() => {
    void load();
    connect();
    let again: ReturnType<typeof setTimeout> | undefined;
    const watch = async (): Promise<void> => {
      try {
        const watched = await ask("stream:watch", { stream_id: streamId });
        const answer = watched as unknown as { stream: Stream; room: RoomState };
        setStream(answer.stream);
        setViewers(answer.stream.viewers);
        setRoom(answer.room);
      } catch (error) {
        if (!(error instanceof AskError) || error.code === "not_found") return;
        // Without a connection the next one watches again.
        const wait = Math.max(2000, error.retryAfterMs ?? 0);
        again = setTimeout(() => connection.peek() === "online" && void watch(), wait);
      }
    };
    const stops = [
      onConnect(() => void watch()),
      hear("stream:state", (changed) => {
        if (changed.id === streamId) setStream((before) => ({ ...before, ...(changed as unknown as Stream) }));
      }),
      hear("stream:viewers", (body) => {
        if (body.stream_id === streamId) setViewers(body.viewers);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      clearTimeout(again);
      tell("stream:unwatch", { stream_id: streamId });
    };
  }, [streamId]);

  useInterval(() => connection.peek() !== "online" && void load(), POLL_MS);
  // A recording's addresses may be known a moment after the end.
  useInterval(() => void load(), 3000, stream?.state === "ended" && !stream.playback.hls && justEnded(stream));
  return { stream, room, viewers, failure, setStream };
}

const justEnded = (stream: Stream): boolean =>
  stream.ended_at !== null && Date.now() - Date.parse(stream.ended_at) < 60_000;

const RENDITION = (playback: Playback): string => {
  const level = playback.levels.peek().find(({ index }) => index === playback.level.peek());
  return level ? `${playback.mode.peek() ?? "none"}:${level.label}` : (playback.mode.peek() ?? "none");
};

function beat(streamId: string, playback: Playback | null, video: HTMLVideoElement | null): void {
  if (!playback || !video || video.paused || playback.status.peek() !== "playing") return;
  const latencyMs = playback.latencyMs.peek();
  tell("stream:heartbeat", {
    stream_id: streamId,
    position_ms: Math.round(video.currentTime * 1000),
    rendition: RENDITION(playback),
    stalled_ms: playback.takeStalledMs(),
    ...(latencyMs === null ? {} : { latency_ms: Math.round(latencyMs) }),
  });
}

export default function Watch({ streamId }: { streamId: string }) {
  const { stream, room, viewers, failure, setStream } = useWatched(streamId);
  const engine = useRef<{ playback: Playback | null; video: HTMLVideoElement | null }>({ playback: null, video: null });
  const openedEnded = useRef<boolean | null>(null);
  const [asked, setAsked] = useState(false);
  useTitle(stream?.title ?? t("watch"));
  useHeartbeat(streamId, engine);
  useEffect(() => onConnect(() => engine.current.playback?.serverIsBack()), []);

  if (stream && openedEnded.current === null) openedEnded.current = stream.state === "ended";
  const replaying = stream?.state === "ended" && Boolean(stream.playback.hls) && (asked || openedEnded.current === true);

  if (!stream) {
    if (failure instanceof ApiError && (failure.status === 404 || failure.status === 422 || failure.status === 400)) {
      return <Missing title={t("noStream")} text={t("noStreamText")} />;
    }
    return (
      <div class="page centred">
        <PageTitle hidden>{t("watch")}</PageTitle>
        {failure ? (
          <Empty title={t("notLoaded")}>
            <p>{t("tryingAgain", { reason: sentence(failure) })}</p>
          </Empty>
        ) : (
          <Spinner />
        )}
      </div>
    );
  }

  return (
    <div class="watch">
      <div class="watch-stage">
        <Player
          key={stream.id}
          stream={stream}
          replaying={replaying}
          onWatchRecording={() => setAsked(true)}
          onReady={(playback, video) => (engine.current = { playback, video })}
        />
        <StreamInfo
          stream={stream}
          viewers={viewers}
          onChange={(changed) => {
            setStream(changed);
            toast(t("saved"), "good");
          }}
        />
      </div>
      {replaying ? (
        <ReplayChat stream={stream} positionMs={() => positionOf(engine.current.video)} />
      ) : (
        <ChatPanel stream={stream} room={room} />
      )}
    </div>
  );
}

function positionOf(video: HTMLVideoElement | null): number | null {
  return video && video.readyState > 0 ? video.currentTime * 1000 : null;
}

function useHeartbeat(streamId: string, engine: { current: { playback: Playback | null; video: HTMLVideoElement | null } }): void {
  // Also while the page is hidden: somebody may listen.
  useEffect(() => {
    const timer = setInterval(() => beat(streamId, engine.current.playback, engine.current.video), HEARTBEAT_MS);
    return () => clearInterval(timer);
  }, [streamId]);
}
