import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import type { Stream } from "../../api/types";
import { CallBreak } from "../ads/call-break";
import { AdSlot } from "../ads/slot";
import { ChatPanel } from "../chat/panel";
import { chatOfStream, ReplayChat } from "../chat/replay";
import { clipsOfStream } from "../clips/calls";
import { Highlights } from "../clips/highlights";
import { MakeClip } from "../clips/make";
import { ClipShelf } from "../clips/shelf";
import type { Playback } from "../player/playback";
import { me } from "../../api/session";
import { Chapters, useMarkers } from "../markers/chapters";
import { liveLength, seekTo } from "../player/keys";
import { Player } from "../player/player";
import { onConnect, tell } from "../../realtime/socket";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { Missing } from "../../ui/missing";
import { needsPassword, PasswordGate } from "../streams/password-gate";
import { isRestricted, RestrictionGate, WarningGate } from "../streams/restriction-gate";
import { RecordingFile } from "./recording-file";
import { StreamInfo } from "./stream-info";
import { useWatched } from "./watched";
import { Activities, ReplayedActivities } from "../rooms/activities";
import { Shelf } from "../market/shelf";
import { Support } from "../money/support";
import { RoomTop } from "../rooms/room-top";
import "../player/stage.css";
import { t } from "./words";

const HEARTBEAT_MS = 10_000;

interface Engine {
  playback: Playback | null;
  video: HTMLVideoElement | null;
}

const RENDITION = (playback: Playback): string => {
  const shown = playback.shown.peek();
  return shown ? `${playback.mode.peek() ?? "none"}:${shown}` : (playback.mode.peek() ?? "none");
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
  const { stream, room, viewers, failure, setStream, again } = useWatched(streamId);
  const engine = useRef<Engine>({ playback: null, video: null });
  const openedEnded = useRef<boolean | null>(null);
  const [asked, setAsked] = useState(false);
  const [playback, setPlayback] = useState<Playback | null>(null);
  useTitle(stream?.title ?? t("watch"));
  useHeartbeat(streamId, engine);
  useEffect(() => onConnect(() => engine.current.playback?.serverIsBack()), []);

  if (stream && openedEnded.current === null) openedEnded.current = stream.state === "ended";
  const replaying = stream?.state === "ended" && Boolean(stream.playback.hls) && (asked || openedEnded.current === true);

  const [markers, setMarkers] = useMarkers(streamId, stream?.state === "live");
  const isRewound = playback?.mode.value === "dvr";
  const behindMs = (): number => engine.current.playback?.latencyMs.peek() ?? 0;
  const hasMedia = stream !== null && Boolean(stream.playback.hls);

  if (!stream) {
    if (failure instanceof ApiError && (failure.status === 404 || failure.status === 422 || failure.status === 400)) {
      return <Missing title={t("noStream")} text={t("noStreamText")} />;
    }
    if (needsPassword(failure)) return <PasswordGate streamId={streamId} onOpened={again} />;
    if (isRestricted(failure)) return <RestrictionGate failure={failure} />;
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
        <WarningGate warning={stream.restrictions?.content_warning}>
          <Player
            key={stream.id}
            stream={stream}
            replaying={replaying}
            chapters={markers.map(({ at_ms, label }) => ({ at: at_ms / 1000, label }))}
            onWatchRecording={() => setAsked(true)}
            over={(engineOf, video) => stream.state === "live" && <AdSlot stream={stream} playback={engineOf} video={video} />}
            onReady={(made, video) => {
              engine.current = { playback: made, video };
              setPlayback(made);
            }}
          />
        </WarningGate>
        <StreamInfo
          stream={stream}
          viewers={viewers}
          actions={
            hasMedia && (
              <>
                <MakeClip streamId={stream.id} position={() => placeIn(stream, engine.current)} />
                <RecordingFile stream={stream} />
                {stream.state === "live" && me.value?.id === stream.owner.id && <CallBreak streamId={stream.id} />}
              </>
            )
          }
          onChange={(changed) => {
            setStream(changed);
            toast(t("saved"), "good");
          }}
        />
        <Shelf stream={stream} />
        {hasMedia && (
          <Chapters
            streamId={stream.id}
            markers={markers}
            onChange={setMarkers}
            onSeek={(seconds) => playback && seekTo(seconds, { video: { current: engine.current.video }, playback, stream })}
            mine={me.value?.id === stream.owner.id}
            atMs={() => placeIn(stream, engine.current).atMs}
          />
        )}
        {hasMedia && <Highlights streamId={stream.id} />}
        <ClipShelf of={stream.id} id="stream-clips" load={() => clipsOfStream(stream.id)} />
      </div>
      {replaying || isRewound ? (
        <ReplayChat
          source={chatOfStream(stream.id)}
          owner={stream.owner.username}
          positionMs={() => positionOf(engine.current.video)}
          above={<ReplayedActivities streamId={stream.id} positionMs={() => positionOf(engine.current.video)} />}
        />
      ) : (
        <ChatPanel
          stream={stream}
          room={room}
          behindMs={behindMs}
          above={
            <>
              <RoomTop stream={stream}>
                <Support stream={stream} />
              </RoomTop>
              <Activities stream={stream} behindMs={behindMs} />
            </>
          }
        />
      )}
    </div>
  );
}

function positionOf(video: HTMLVideoElement | null): number | null {
  return video && video.readyState > 0 ? video.currentTime * 1000 : null;
}

/** How long a recording is: one that was trimmed is shorter than its broadcast. */
function recordedMs(stream: Stream, video: HTMLVideoElement | null): number {
  return video && Number.isFinite(video.duration) ? Math.min(stream.media_time_ms, video.duration * 1000) : stream.media_time_ms;
}

/** Where a viewer is in a stream: null at its live edge. */
function placeIn(stream: Stream, { playback, video }: Engine): { lengthMs: number; atMs: number | null } {
  const mode = playback?.mode.peek();
  const isBehind = mode === "dvr" || mode === "recording";
  const lengthMs = stream.state === "ended" ? recordedMs(stream, video) : liveLength(stream) * 1000;
  return { lengthMs, atMs: isBehind ? positionOf(video) : null };
}

function useHeartbeat(streamId: string, engine: { current: Engine }): void {
  // Also while the page is hidden: somebody may listen.
  useEffect(() => {
    const timer = setInterval(() => beat(streamId, engine.current.playback, engine.current.video), HEARTBEAT_MS);
    return () => clearInterval(timer);
  }, [streamId]);
}
