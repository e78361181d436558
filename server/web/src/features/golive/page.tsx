/** The studio: go live from this browser, or from an encoder with the person's own key. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { RestrictionsPanel } from "../streams/restrictions-panel";
import { StreamForm, type StreamDetails } from "../streams/stream-form";
import { createStream, deleteStream, editStream, endStream, getStream, streamsOf } from "../streams/calls";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import type { Ingest, Stream } from "../../api/types";
import { guardLeaving, loginPath } from "../../router";
import { count, duration } from "../../ui/format";
import { OverlaysPanel } from "../overlays/panel";
import { RecordingsPanel } from "../recordings/panel";
import { RestreamsPanel } from "../restreams/panel";
import { SourcePanels } from "../sources/panels";
import { StageStudio } from "../stage/panel";
import { BroadcastIcon, EyeIcon, StopIcon } from "../../ui/icons";
import { CopyButton, Empty, PageTitle, useInterval, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { Broadcast, type BroadcastStatus } from "../studio/broadcast";
import { StudioChat } from "../studio/chat";
import { HealthPanel } from "../studio/health";
import { IngestPanel } from "../studio/ingest";
import { Preview } from "../studio/preview";
import { mayCapture, Studio } from "../studio/studio";
import "../studio/studio.css";
import { t } from "./words";

const POLL_MS = 4000;
/** A connection that has just come back is not heard of at once. */
const MISSED_MS = 2000;

export default function GoLive() {
  useTitle(t("goLive"));
  const user = me.value;
  if (!user) {
    return (
      <div class="page centred">
        <PageTitle hidden>{t("goLive")}</PageTitle>
        <Empty title={t("twoSteps")}>
          <p>{t("twoStepsText")}</p>
          <div class="row">
            <a class="button accent large" href={loginPath()}>
              {t("signIn")}
            </a>
            <a class="button large" href={loginPath().replace("/login", "/register")}>
              {t("makeAccount")}
            </a>
          </div>
        </Empty>
      </div>
    );
  }
  return <StudioPage key={user.id} username={user.username} />;
}

/** This person's running broadcast, wherever it is published from. Who publishes from here hears of it in the background
 * too: that is how a lost connection is noticed. */
function useOwnStream(username: string, publishing: boolean): [Stream | null, (stream: Stream | null) => void] {
  const [stream, setStream] = useState<Stream | null>(null);
  const poll = async (): Promise<void> => {
    try {
      const prepared = preparedStage();
      if (stream && stream.state !== "ended") return setStream(await getStream(stream.id));
      if (prepared && !stream) return setStream(await getStream(prepared));
      const { items } = await streamsOf(username, 20);
      const own = items.find(({ state }) => state === "live" || state === "interrupted");
      if (own) setStream(own);
    } catch {
      // The next poll tells.
    }
  };
  useEffect(() => void poll(), []);
  useInterval(() => void poll(), POLL_MS, true, publishing);
  return [stream, setStream];
}

type Way = "browser" | "stage" | "encoder";

/** In the address, so that who reloads the page finds the stage that they have prepared. */
const STAGE = /^#stage=([\w-]{36})$/;
const preparedStage = (): string | null => STAGE.exec(location.hash)?.[1] ?? null;

function StudioPage({ username }: { username: string }) {
  const studio = useMemo(() => new Studio(), []);
  const broadcast = useMemo(() => new Broadcast(), []);
  const [way, setWay] = useState<Way>(preparedStage() ? "stage" : "browser");
  const status = broadcast.status.value;
  const publishing = status !== "idle" && status !== "failed";
  const [stream, setStream] = useOwnStream(username, publishing);
  const ingest = useRef<Ingest | null>(null);
  const onAir = stream !== null && (stream.state === "live" || stream.state === "interrupted");

  useEffect(() => {
    const gone = (): void => broadcast.abandon();
    addEventListener("pagehide", gone);
    return () => {
      removeEventListener("pagehide", gone);
      void broadcast.stop();
      studio.close();
    };
  }, []);
  // A stage that one is on sends the picture itself.
  useEffect(() => {
    if (way === "browser") studio.onPicture = (track) => void broadcast.replaceVideo(track).catch(() => undefined);
  }, [way]);
  useStayHere(publishing);

  // What was read of the stream may be older than the connection, so it is asked for once more.
  const missed = status === "live" && stream?.state === "interrupted";
  const askAgain = async (id: string): Promise<void> => {
    const found = await getStream(id);
    setStream(found);
    if (found.state === "interrupted") broadcast.missed();
  };
  useEffect(() => {
    if (!missed || !stream) return;
    const timer = setTimeout(() => void askAgain(stream.id).catch(() => undefined), MISSED_MS);
    return () => clearTimeout(timer);
  }, [missed, stream]);

  const goLive = async (details: StreamDetails): Promise<void> => {
    const output = studio.output();
    const made = await createStream({ ...details, latency: "realtime" });
    ingest.current = made.ingest;
    setStream(made.stream);
    try {
      await broadcast.start(output, { whipUrl: made.ingest.whip_url, key: made.ingest.stream_key });
      setStream(await getStream(made.stream.id));
    } catch (error) {
      // Nothing was shown, so nothing is to be kept.
      void deleteStream(made.stream.id).catch(() => undefined);
      setStream(null);
      throw error;
    }
  };
  const prepareStage = async (details: StreamDetails): Promise<void> => {
    const made = stream?.state === "scheduled" ? await editStream(stream.id, details) : (await createStream({ ...details, latency: "low" })).stream;
    history.replaceState(null, "", `#stage=${made.id}`);
    setStream(made);
  };
  const prepare = async (details: StreamDetails): Promise<void> => {
    if (stream?.state === "scheduled") setStream(await editStream(stream.id, details));
    else setStream((await createStream({ ...details, latency: "low" })).stream);
    toast(t("ready"), "good");
  };
  const end = async (): Promise<void> => {
    if (!stream) return;
    await broadcast.stop();
    try {
      await endStream(stream.id);
      setStream(await getStream(stream.id));
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };

  return (
    <div class="page studio">
      <div class="studio-head">
        <PageTitle>{onAir ? t("youAreOnAir") : t("goLive")}</PageTitle>
        {onAir && (
          <a class="button small" href="/dashboard" target="_blank" rel="noopener">
            {t("dashboard")}
          </a>
        )}
        <WayTabs way={way} onChange={setWay} disabled={publishing} />
      </div>
      <div class="studio-body">
        <div class="studio-main">
          {way === "browser" && <Preview studio={studio} />}
          {way === "encoder" && <IngestPanel />}
          {way === "stage" && <StageStudio studio={studio} streamId={stream && stream.state !== "ended" ? stream.id : null} />}
          {stream && onAir && <HealthPanel key={stream.id} streamId={stream.id} active />}
          {stream && stream.state !== "ended" && <RestrictionsPanel key={`restrictions-${stream.id}`} stream={stream} />}
          <RestreamsPanel key={`restreams-${stream?.id}`} streamId={stream && stream.state !== "ended" ? stream.id : null} />
          <SourcePanels stream={stream} />
          <RecordingsPanel />
          <OverlaysPanel />
        </div>
        <div class="studio-side">
          {stream && stream.state !== "ended" && (onAir || publishing) ? (
            <OnAir stream={stream} reconnecting={status === "reconnecting"} onEnd={end} />
          ) : (
            <section class="panel" aria-labelledby="details-title">
              <h2 id="details-title">{t("yourBroadcast")}</h2>
              {stream?.state === "ended" && (
                <p class="note">
                  {t("lastEnded")} <a href={`/watch/${stream.id}`}>{t("seeRecording")}</a>
                </p>
              )}
              {stream?.state === "scheduled" && way === "encoder" && (
                <p class="note" role="status">
                  {t("waiting", { title: stream.title })}
                </p>
              )}
              {way === "browser" ? (
                <StreamForm
                  key="browser"
                  onSubmit={goLive}
                  waitsFor={whatIsMissing(studio, status)}
                  action={
                    <>
                      <BroadcastIcon /> {status === "connecting" ? t("connecting") : t("start")}
                    </>
                  }
                />
              ) : (
                <StreamForm key={way} onSubmit={way === "stage" ? prepareStage : prepare} action={t("prepare")} />
              )}
            </section>
          )}
          {stream && onAir && <StudioChat key={`chat-${stream.id}`} stream={stream} />}
        </div>
      </div>
    </div>
  );
}

/** What *Start* waits for, for people. */
function whatIsMissing(studio: Studio, status: BroadcastStatus): string | null {
  if (status === "connecting") return t("connectingHint");
  if (studio.source.value !== "none" || studio.micOn.value) return null;
  return mayCapture()
    ? t("chooseFirst")
    : t("needsSecure");
}

function WayTabs({ way, onChange, disabled }: { way: Way; onChange: (way: Way) => void; disabled: boolean }) {
  const ways: [Way, string][] = [
    ["browser", t("thisBrowser")],
    ["stage", t("withGuests")],
    ["encoder", t("encoder")],
  ];
  return (
    <div class="segmented" role="group" aria-label={t("broadcastFrom")}>
      {ways.map(([id, label]) => (
        <button key={id} type="button" aria-pressed={way === id} disabled={disabled && way !== id} onClick={() => onChange(id)}>
          {label}
        </button>
      ))}
    </div>
  );
}

interface OnAirProps {
  stream: Stream;
  reconnecting: boolean;
  onEnd: () => Promise<void>;
}

function OnAir({ stream, reconnecting, onEnd }: OnAirProps) {
  const [, redraw] = useState(0);
  const [ending, setEnding] = useState(false);
  useInterval(() => redraw((n) => n + 1), 1000);
  const link = `${location.origin}/watch/${stream.id}`;
  const end = async (): Promise<void> => {
    if (!confirm(t("confirmEnd"))) return;
    setEnding(true);
    await onEnd();
    setEnding(false);
  };
  const interrupted = reconnecting || stream.state === "interrupted";
  return (
    <section class="panel on-air" aria-labelledby="on-air-title">
      <p class="on-air-state" role="status">
        {interrupted ? (
          <span class="badge badge-interrupted">{t("reconnecting")}</span>
        ) : (
          <span class="badge badge-live">{t("onAir")}</span>
        )}
        <span class="tabular">
          {stream.started_at ? duration((Date.now() - Date.parse(stream.started_at)) / 1000) : "0:00"}
        </span>
        <span class="on-air-viewers">
          <EyeIcon /> {count(stream.viewers)} <span class="visually-hidden">{t("watching")}</span>
        </span>
      </p>
      <h2 id="on-air-title">{stream.title}</h2>
      {interrupted && <p class="warning">{t("signalLost")}</p>}
      <div class="field">
        <label for="watch-link">{t("whereWatch")}</label>
        <span class="with-button">
          <input id="watch-link" class="mono" readOnly value={link} />
          <CopyButton text={link} label={t("copyLink")} />
        </span>
      </div>
      <div class="row">
        <button type="button" class="button danger large" disabled={ending} onClick={() => void end()}>
          <StopIcon /> {ending ? t("ending") : t("endBroadcast")}
        </button>
        <a class="button large" href={`/watch/${stream.id}`} target="_blank" rel="noopener">
          {t("asViewer")}
        </a>
      </div>
    </section>
  );
}

/** A page that publishes asks before it is left, and keeps the screen of a phone on. */
function useStayHere(publishing: boolean): void {
  useEffect(() => {
    if (!publishing) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    guardLeaving(() => confirm(t("confirmLeave")));
    let lock: WakeLockSentinel | null = null;
    let over = false;
    navigator.wakeLock?.request("screen").then(
      (held) => {
        if (over) void held.release();
        else lock = held;
      },
      () => undefined,
    );
    return () => {
      over = true;
      removeEventListener("beforeunload", ask);
      guardLeaving(null);
      void lock?.release();
    };
  }, [publishing]);
}
