/** A video in a list. */
import type { ComponentChildren, CSSProperties } from "preact";
import { media } from "../../api/http";
import { ago, duration, hue, percent } from "../../ui/format";
import "../streams/streams.css";
import type { Video } from "./calls";
import "./library.css";
import { whole } from "./whole";
import { t } from "./words";

export function VideoCard({ video, children }: { video: Video; children?: ComponentChildren }) {
  const { thumbnail } = video.playback;
  return (
    <li class="card">
      <div class="thumb" style={{ "--h": hue(video.owner.username) } as CSSProperties}>
        {thumbnail ? (
          <img src={media(thumbnail)} alt="" loading="lazy" decoding="async" width={640} height={360} />
        ) : (
          <span class="thumb-blank" aria-hidden="true">
            {video.title.trim().charAt(0) || "·"}
          </span>
        )}
        <span class="thumb-tags">
          {video.duration_ms > 0 && <span class="badge badge-glass">{duration(video.duration_ms / 1000)}</span>}
          {video.stream_id && <span class="badge badge-glass">{t("recording")}</span>}
          {video.state === "failed" && <span class="badge badge-glass">{t("failed")}</span>}
        </span>
      </div>
      <div class="card-text">
        <div>
          <h3>
            <a class="card-link" href={`/videos/${video.id}`}>
              <bdi>{video.title}</bdi>
            </a>
          </h3>
          <p class="card-meta">
            <span>{t("views", { n: video.views })}</span>
            <span>{ago(video.created_at)}</span>
          </p>
          {video.state === "processing" && (
            <p class="video-bar">
              <progress value={whole(1, video.progress)} aria-label={t("encoding")} />
              <span class="dim">{t("processing", { share: percent(video.progress) })}</span>
            </p>
          )}
          {video.reason && <p class="dim">{video.reason}</p>}
          {children}
        </div>
      </div>
    </li>
  );
}
