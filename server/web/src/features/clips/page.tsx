/** A clip: what happened in some seconds of a stream, with what was written meanwhile. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, media, sentence } from "../../api/http";
import { me } from "../../api/session";
import { navigate } from "../../router";
import { ago, duration } from "../../ui/format";
import { DownIcon, ShareIcon } from "../../ui/icons";
import { Missing } from "../../ui/missing";
import { Avatar, Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { shareLink } from "../../ui/share";
import { toast } from "../../ui/toasts";
import { ReplayChat } from "../chat/replay";
import { Player } from "../player/player";
import "../player/stage.css";
import { deleteClip, getClip, type Clip } from "./calls";
import "./clips.css";
import { chatOf, watchable } from "./watchable";
import { t } from "./words";

export default function ClipPage({ clipId }: { clipId: string }) {
  const [clip, setClip] = useState<Clip | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const video = useRef<HTMLVideoElement | null>(null);
  useTitle(clip?.title ?? t("clip"));
  useEffect(() => {
    setClip(null);
    setFailure(null);
    getClip(clipId).then(setClip, setFailure);
  }, [clipId, me.value?.id]);

  if (failure instanceof ApiError && [400, 404, 422].includes(failure.status)) {
    return <Missing title={t("noClip")} text={t("noClipText")} />;
  }
  if (!clip) {
    return (
      <div class="page centred">
        <PageTitle hidden>{t("clip")}</PageTitle>
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
  const positionMs = (): number | null =>
    video.current && video.current.readyState > 0 ? clip.from_ms + video.current.currentTime * 1000 : null;
  return (
    <div class="watch">
      <div class="watch-stage">
        <Player
          key={clip.id}
          stream={watchable(clip)}
          replaying
          onWatchRecording={() => undefined}
          onReady={(_, element) => (video.current = element)}
        />
        <ClipInfo clip={clip} />
      </div>
      <ReplayChat source={chatOf(clip)} owner={clip.owner.username} positionMs={positionMs} title={t("chat")} />
    </div>
  );
}

function ClipInfo({ clip }: { clip: Clip }) {
  const owner = clip.owner.display_name || clip.owner.username;
  const mine = me.value !== null && [clip.owner.id, clip.creator.id].includes(me.value.id);
  return (
    <div class="info">
      <div class="info-head">
        <a class="info-owner" href={`/@${clip.owner.username}`} aria-label={owner}>
          <Avatar of={clip.owner} size={44} />
        </a>
        <div class="info-title">
          <PageTitle>{clip.title}</PageTitle>
          <p class="info-meta">
            <a href={`/@${clip.owner.username}`}>{owner}</a>
            <span>
              {t("madeBy")} <a href={`/@${clip.creator.username}`}>{clip.creator.display_name || clip.creator.username}</a>
            </span>
            <span>{duration((clip.to_ms - clip.from_ms) / 1000)}</span>
            <span>{ago(clip.created_at)}</span>
            <a href={`/watch/${clip.stream_id}`}>{t("ofStream")}</a>
          </p>
        </div>
        <div class="info-actions">
          {mine && <Remove clip={clip} />}
          <a class="button" href={`${media(clip.playback.mp4)}?download=1`} download={`clip-${clip.id}.mp4`} aria-label={t("download")}>
            <DownIcon /> <span class="hide-narrow">{t("download")}</span>
          </a>
          <button type="button" class="button" aria-label={t("share")} onClick={() => void shareLink(clip.title, `/clips/${clip.id}`)}>
            <ShareIcon /> <span class="hide-narrow">{t("share")}</span>
          </button>
        </div>
      </div>
    </div>
  );
}

function Remove({ clip }: { clip: Clip }) {
  const [busy, setBusy] = useState(false);
  const remove = async (): Promise<void> => {
    if (!confirm(t("confirmRemove"))) return;
    setBusy(true);
    try {
      await deleteClip(clip.id);
      toast(t("removed"), "good");
      navigate(`/@${clip.owner.username}`);
    } catch (error) {
      toast(sentence(error), "bad");
      setBusy(false);
    }
  };
  return (
    <button type="button" class="button danger" disabled={busy} onClick={() => void remove()}>
      {t("remove")}
    </button>
  );
}
