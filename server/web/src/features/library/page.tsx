/** The page of a video, of an upload or of a broadcast: the one player, and of a broadcast the replay of its chat. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, media, sentence } from "../../api/http";
import { me } from "../../api/session";
import { navigate } from "../../router";
import { ago, duration, percent } from "../../ui/format";
import { DownIcon, ShareIcon } from "../../ui/icons";
import { Missing } from "../../ui/missing";
import { Avatar, Empty, Field, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { shareLink } from "../../ui/share";
import { chatOfStream, ReplayChat } from "../chat/replay";
import Comments from "../posts/comments";
import { Player } from "../player/player";
import { isRestricted, RestrictionGate } from "../streams/restriction-gate";
import { chaptersOf, watchable } from "../player/uploaded";
import { useBeats } from "../player/use-beats";
import "../player/stage.css";
import { changeVideo, deleteVideo, getVideo, type Video } from "./calls";
import { Bar } from "./upload";
import { ChapterLines } from "./chapters";
import { CaptionFiles } from "./captions";
import { Poster } from "./poster";
import { EncodeAgain } from "./encode";
import { Trim } from "./trim";
import { useProgress } from "./progress";
import { VisibilityOptions, type Visibility } from "./visibility";
import { whole } from "./whole";
import { t } from "./words";
import "./library.css";

export default function VideoPage({ videoId }: { videoId: string }) {
  const [video, setVideo] = useState<Video | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const element = useRef<HTMLVideoElement | null>(null);
  const beat = useBeats(videoId);
  useTitle(video?.title ?? t("video"));
  const load = (): void => void getVideo(videoId).then(setVideo, setFailure);
  useEffect(() => {
    setVideo(null);
    setFailure(null);
    load();
  }, [videoId, me.value?.id]);
  useProgress((id, state, progress) => {
    if (id !== videoId) return;
    setVideo((last) => last && { ...last, progress });
    if (state !== "processing" || progress > 0) load();
  }, load);

  if (failure instanceof ApiError && [400, 404, 422].includes(failure.status)) {
    return <Missing title={t("noVideo")} text={t("noVideoText")} />;
  }
  if (isRestricted(failure)) return <RestrictionGate failure={failure} />;
  if (!video) {
    return (
      <div class="page centred">
        <PageTitle hidden>{t("video")}</PageTitle>
        {failure ? (
          <Empty title={t("notLoaded")}>
            <p>{sentence(failure)}</p>
          </Empty>
        ) : (
          <Spinner />
        )}
      </div>
    );
  }
  const ready = (made: HTMLVideoElement | null): void => {
    element.current = made;
    beat(made);
  };
  const positionMs = (): number | null => (element.current && element.current.readyState > 0 ? element.current.currentTime * 1000 : null);
  const seek = (seconds: number): void => {
    if (element.current && element.current.readyState > 0) element.current.currentTime = seconds;
  };
  return (
    <div class="watch">
      <div class="watch-stage">
        {video.playback.hls ? (
          <Player key={`${video.id}-${video.duration_ms}`} stream={watchable(video)} chapters={chaptersOf(video)} replaying onWatchRecording={() => undefined} onReady={(_, made) => ready(made)} />
        ) : (
          <Waiting video={video} />
        )}
        <Info video={video} onChange={setVideo} positionMs={positionMs} onSeek={seek} />
        {video.state === "ready" && <Comments videoId={video.id} isMine={me.value?.id === video.owner.id && !video.stream_id} />}
      </div>
      {video.stream_id && <ReplayChat source={chatOfStream(video.stream_id)} owner={video.owner.username} positionMs={positionMs} title={t("replay")} />}
    </div>
  );
}

function Waiting({ video }: { video: Video }) {
  return (
    <Empty title={video.state === "failed" ? t("couldNot") : t("notYet")}>
      <p>{video.state === "failed" ? video.reason : t("notYetText")}</p>
      {video.state === "processing" && <Bar share={whole(1, video.progress)} label={t("encoding")} />}
    </Empty>
  );
}

interface InfoProps {
  video: Video;
  onChange: (video: Video) => void;
  positionMs: () => number | null;
  onSeek: (seconds: number) => void;
}

function Info({ video, onChange, positionMs, onSeek }: InfoProps) {
  const [isEdited, setEdited] = useState(false);
  const owner = video.owner.display_name || video.owner.username;
  const isMine = me.value?.id === video.owner.id;
  return (
    <div class={isMine && isEdited ? "info is-edited" : "info"}>
      <div class="info-head">
        <a class="info-owner" href={`/@${video.owner.username}`} aria-label={owner}>
          <Avatar of={video.owner} size={44} />
        </a>
        <div class="info-title">
          <PageTitle>
            <bdi>{video.title}</bdi>
          </PageTitle>
          <p class="info-meta">
            <a href={`/@${video.owner.username}`}>{owner}</a>
            <span>{t("views", { n: video.views })}</span>
            {video.watch_seconds !== null && <span>{t("watched", { time: duration(video.watch_seconds) })}</span>}
            {video.duration_ms > 0 && <span>{duration(video.duration_ms / 1000)}</span>}
            <span>{ago(video.created_at)}</span>
            {video.stream_id && <a href={`/watch/${video.stream_id}`}>{t("broadcast")}</a>}
            {video.state === "processing" && video.playback.hls && <span>{t("processing", { share: percent(video.progress) })}</span>}
          </p>
        </div>
        <div class="info-actions">
          {isMine && (
            <button type="button" class="button" aria-expanded={isEdited} onClick={() => setEdited(!isEdited)}>
              {t("edit")}
            </button>
          )}
          {video.playback.mp4 && (
            <a class="button" href={media(video.playback.mp4)} download={`${video.id}.mp4`} aria-label={t("download")}>
              <DownIcon /> <span class="hide-narrow">{t("download")}</span>
            </a>
          )}
          <button type="button" class="button" aria-label={t("share")} onClick={() => void shareLink(video.title, `/videos/${video.id}`)}>
            <ShareIcon /> <span class="hide-narrow">{t("share")}</span>
          </button>
        </div>
      </div>
      {isMine && isEdited && (
        <Edit
          video={video}
          onSaved={(changed) => {
            setEdited(false);
            onChange(changed);
          }}
        />
      )}
      {isMine && isEdited && <Poster video={video} onChange={onChange} />}
      {isMine && isEdited && <Trim key={`${video.duration_ms}-${video.playback.storyboard}`} video={video} positionMs={positionMs} onSeek={onSeek} onTrimmed={onChange} />}
      {isMine && isEdited && <ChapterLines key={video.duration_ms} video={video} onChange={onChange} />}
      {isMine && isEdited && <CaptionFiles videoId={video.id} />}
      {isMine && isEdited && !video.stream_id && <EncodeAgain video={video} onBegun={onChange} />}
      {video.description && !isEdited && (
        <p class="prose">
          <bdi>{video.description}</bdi>
        </p>
      )}
    </div>
  );
}

function Edit({ video, onSaved }: { video: Video; onSaved: (video: Video) => void }) {
  const { form, errors, busy, submit } = useSending(["title", "description", "visibility"], async (data) => {
    const visibility = textOf(data, "visibility");
    const body = { title: textOf(data, "title"), description: textOf(data, "description") };
    onSaved(await changeVideo(video.id, visibility ? { ...body, visibility: visibility as Visibility } : body));
  });
  const remove = async (): Promise<void> => {
    if (!confirm(t("confirmRemove", { n: 1 }))) return;
    await attempt(async () => {
      await deleteVideo(video.id);
      navigate("/videos");
    }, t("removed"));
  };
  return (
    <form ref={form} class="panel" onSubmit={submit}>
      <Field label={t("title")} name="title" error={errors["title"]}>
        {(ids) => <input {...ids} name="title" required maxLength={140} dir="auto" defaultValue={video.title} />}
      </Field>
      <Field label={t("description")} name="description" error={errors["description"]}>
        {(ids) => <textarea {...ids} name="description" maxLength={5000} rows={4} dir="auto" defaultValue={video.description} />}
      </Field>
      {video.visibility !== "password" && (
        <Field label={t("visibility")} name="visibility" error={errors["visibility"]}>
          {(ids) => (
            <select {...ids} name="visibility">
              <VisibilityOptions chosen={video.visibility as Visibility} />
            </select>
          )}
        </Field>
      )}
      <FormError text={errors["form"]} />
      <div class="form-actions">
        <button type="submit" class="button accent" disabled={busy}>
          {t("save")}
        </button>
        <button type="button" class="button danger" onClick={() => void remove()}>
          {t("remove")}
        </button>
      </div>
    </form>
  );
}
