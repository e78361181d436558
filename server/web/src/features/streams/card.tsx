/** A stream as a card, with a picture that moves while the card is on the screen. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { CSSProperties } from "preact";
import { media } from "../../api/http";
import type { Stream } from "../../api/types";
import { ago, count, duration, hue, when } from "../../ui/format";
import { EyeIcon } from "../../ui/icons";
import { Avatar, StateBadge } from "../../ui/parts";
import "./streams.css";
import { t } from "./words";

const REFRESH_MS = 5000;

/** True while the element is near the screen; pictures of others are left alone. */
function useVisible(of: { current: Element | null }): boolean {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    if (!of.current) return;
    const watcher = new IntersectionObserver(([entry]) => setVisible(entry?.isIntersecting ?? false), { rootMargin: "120px" });
    watcher.observe(of.current);
    return () => watcher.disconnect();
  }, []);
  return visible;
}

/** The next picture is decoded aside and only then shown, so that nothing flickers. */
function useMovingPicture(url: string | null, moving: boolean): string | null {
  const [shown, setShown] = useState(url);
  useEffect(() => setShown(url), [url]);
  useEffect(() => {
    if (!url || !moving) return;
    const refresh = async (): Promise<void> => {
      if (document.hidden) return;
      const next = new Image();
      next.src = `${url}${url.includes("?") ? "&" : "?"}t=${Math.floor(Date.now() / REFRESH_MS)}`;
      try {
        await next.decode();
        setShown(next.src);
      } catch {
        // No newer picture: the one that is there stays.
      }
    };
    const timer = setInterval(() => void refresh(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [url, moving]);
  return shown;
}

export function Thumbnail({ stream }: { stream: Stream }) {
  const box = useRef<HTMLDivElement>(null);
  const visible = useVisible(box);
  const picture = useMovingPicture(stream.playback.thumbnail && media(stream.playback.thumbnail), visible && stream.state === "live");
  const [broken, setBroken] = useState(false);
  return (
    <div class="thumb" ref={box} style={{ "--h": hue(stream.owner.username) } as CSSProperties}>
      {picture && !broken ? (
        <img src={picture} alt="" loading="lazy" decoding="async" width={640} height={360} onError={() => setBroken(true)} />
      ) : (
        <span class="thumb-blank" aria-hidden="true">
          {stream.title.trim().charAt(0) || "·"}
        </span>
      )}
      <span class="thumb-tags">
        <StateBadge state={stream.state} />
        {(stream.state === "live" || stream.state === "interrupted") && (
          <span class="badge badge-glass">
            <EyeIcon />
            {count(stream.viewers)}
            <span class="visually-hidden"> {t("watching")}</span>
          </span>
        )}
        {stream.state === "ended" && stream.duration_s !== null && (
          <span class="badge badge-glass">{duration(stream.duration_s)}</span>
        )}
      </span>
    </div>
  );
}

function timeLine(stream: Stream): string {
  if (stream.state === "scheduled") return stream.scheduled_at ? when(stream.scheduled_at) : t("gettingReady");
  if (stream.state === "ended") {
    const seen = stream.peak_viewers ? ` · ${t("peak", { n: stream.peak_viewers })}` : "";
    return (stream.ended_at ? ago(stream.ended_at) : "") + seen;
  }
  return stream.started_at ? t("started", { when: ago(stream.started_at) }) : t("live");
}

export function StreamCard({ stream, featured = false }: { stream: Stream; featured?: boolean }) {
  return (
    <li class={`card${featured ? " card-featured" : ""}`}>
      <Thumbnail stream={stream} />
      <div class="card-text">
        <Avatar of={stream.owner} size={featured ? 44 : 36} />
        <div>
          <h3>
            <a class="card-link" href={`/watch/${stream.id}`}>
              {stream.title}
            </a>
          </h3>
          <p class="card-owner">
            <a href={`/@${stream.owner.username}`}>{stream.owner.display_name || stream.owner.username}</a>
          </p>
          <p class="card-meta">
            {stream.category && <span class="tag">{stream.category}</span>}
            <span>{timeLine(stream)}</span>
          </p>
        </div>
      </div>
    </li>
  );
}

export function StreamGrid({ streams, featureFirst = false }: { streams: Stream[]; featureFirst?: boolean }) {
  return (
    <ul class="grid">
      {streams.map((stream, index) => (
        <StreamCard key={stream.id} stream={stream} featured={featureFirst && index === 0} />
      ))}
    </ul>
  );
}

export function GridSkeleton() {
  return (
    <ul class="grid" aria-hidden="true">
      {[0, 1, 2, 3].map((n) => (
        <li key={n} class="card card-skeleton">
          <div class="thumb" />
          <div class="card-text">
            <span class="bone bone-round" />
            <div class="bones">
              <span class="bone" />
              <span class="bone bone-short" />
            </div>
          </div>
        </li>
      ))}
    </ul>
  );
}
