/** Clips as a row of cards, on the pages of their stream and their streamer; nothing where there are none. */
import { useEffect, useState } from "preact/hooks";
import type { CSSProperties } from "preact";
import { media } from "../../api/http";
import type { Page } from "../../api/types";
import { ago, duration, hue } from "../../ui/format";
import type { Clip } from "./calls";
import "../streams/streams.css";
import "./clips.css";
import { t } from "./words";

interface Props {
  load: () => Promise<Page<Clip>>;
  /** Another one loads anew. */
  of: string;
  id: string;
}

export function ClipShelf({ load, of, id }: Props) {
  const [clips, setClips] = useState<Clip[]>([]);
  useEffect(() => {
    let isGone = false;
    load().then(
      ({ items }) => !isGone && setClips(items),
      () => !isGone && setClips([]),
    );
    return () => {
      isGone = true;
    };
  }, [of]);
  if (!clips.length) return null;
  return (
    <section class="clip-shelf" aria-labelledby={id}>
      <h2 id={id} class="shelf-title">
        {t("clips")}
      </h2>
      <ul class="grid">
        {clips.map((clip) => (
          <ClipCard key={clip.id} clip={clip} />
        ))}
      </ul>
    </section>
  );
}

export function ClipCard({ clip }: { clip: Pick<Clip, "id" | "title" | "owner" | "creator" | "thumbnail" | "from_ms" | "to_ms" | "created_at"> }) {
  return (
    <li class="card">
      <div class="thumb" style={{ "--h": hue(clip.owner.username) } as CSSProperties}>
        {clip.thumbnail ? (
          <img src={media(clip.thumbnail)} alt="" loading="lazy" decoding="async" width={640} height={360} />
        ) : (
          <span class="thumb-blank" aria-hidden="true">
            {clip.title.trim().charAt(0) || "·"}
          </span>
        )}
        <span class="thumb-tags">
          <span class="badge badge-glass">{duration((clip.to_ms - clip.from_ms) / 1000)}</span>
        </span>
      </div>
      <div class="card-text">
        <div>
          <h3>
            <a class="card-link" href={`/clips/${clip.id}`}>
              {clip.title}
            </a>
          </h3>
          <p class="card-meta">
            <span>
              {t("madeBy")} {clip.creator.display_name || clip.creator.username}
            </span>
            <span>{ago(clip.created_at)}</span>
          </p>
        </div>
      </div>
    </li>
  );
}
