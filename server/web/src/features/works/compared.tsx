/** The work and where it was found, in two players side by side, each at the beginning of what they have in common. */
import { useEffect, useState } from "preact/hooks";
import { Spinner } from "../../ui/parts";
import { getVideo, type Video } from "../library/calls";
import { watchable } from "../player/uploaded";
import { Player } from "../player/player";
import "../player/stage.css";
import type { Match } from "./calls";
import { t } from "./words";

export function Compared({ match }: { match: Match }) {
  const medium = match.video ?? match.stream;
  return (
    <div class="compared">
      <Side label={t("work")} id={match.work.video_id} atMs={match.work_from_ms} />
      {medium && <Side label={t("copy")} id={medium.id} atMs={match.from_ms} />}
    </div>
  );
}

function Side({ label, id, atMs }: { label: string; id: string; atMs: number }) {
  const [video, setVideo] = useState<Video | null>(null);
  const [isGone, setGone] = useState(false);
  useEffect(() => {
    getVideo(id).then(setVideo, () => setGone(true));
  }, [id]);
  const ready = (element: HTMLVideoElement | null): void =>
    element?.addEventListener("loadedmetadata", () => (element.currentTime = atMs / 1000), { once: true });
  return (
    <figure>
      <figcaption>{label}</figcaption>
      {isGone || (video && !video.playback.hls) ? (
        <p class="dim">{t("gone")}</p>
      ) : video ? (
        <Player stream={watchable(video)} replaying onWatchRecording={() => undefined} onReady={(_, element) => ready(element)} />
      ) : (
        <Spinner />
      )}
    </figure>
  );
}
