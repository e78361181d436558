/** A video that a post carries: its poster, and the one player once it is wanted. */
import type { ComponentType } from "preact";
import { useState } from "preact/hooks";
import { local } from "../../api/http";
import type { InlineProps } from "./inline";
import type { SinglePost } from "./calls";
import { t } from "./words";

export function PostVideo({ media }: { media: SinglePost["media"][number] }) {
  const [Made, setMade] = useState<ComponentType<InlineProps> | null>(null);
  const [hasPicture, setPicture] = useState(true);
  if (Made) return <Made videoId={media.id} />;
  const play = async (): Promise<void> => {
    const { default: Inline } = await import("./inline");
    setMade(() => Inline);
  };
  return (
    <button type="button" class="post-video" onClick={() => void play()} aria-label={media.alt ? `${t("playVideo")}: ${media.alt}` : t("playVideo")}>
      {hasPicture && media.preview_url && <img src={local(media.preview_url)} alt="" loading="lazy" decoding="async" onError={() => setPicture(false)} />}
      <span class="post-video-play" aria-hidden="true">
        ▶
      </span>
    </button>
  );
}
