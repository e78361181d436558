/** Where the player shows advertisements: before a live stream begins, and in its pauses. */
import { useEffect, useRef, useState } from "preact/hooks";
import { media } from "../../api/http";
import { isThere } from "../../api/rooms";
import { me } from "../../api/session";
import { hear } from "../../realtime/socket";
import { startHls, type HlsSession } from "../player/hls";
import type { Playback } from "../player/playback";
import { decide, tell, type Ad } from "./calls";
import { Pauses } from "./pauses";
import { Quarters } from "./quarters";
import { t } from "./words";
import "./ads.css";

/** An advertisement that does not begin in this time, or lasts this much longer than it should, is left. */
const PATIENCE_MS = 5000;

interface SlotProps {
  stream: { id: string; owner: { id: string } };
  playback: Playback;
  video: { current: HTMLVideoElement | null };
}

export function AdSlot({ stream, playback, video }: SlotProps) {
  const [ad, setAd] = useState<Ad | null>(null);
  const isMine = me.value?.id === stream.owner.id;
  const off = isMine || !isThere({ room: "ads" });
  useEffect(() => {
    if (off) return;
    let gone = false;
    const timers = new Set<ReturnType<typeof setTimeout>>();
    const show = (breakId?: string): void => void decide(stream.id, breakId).then((found) => !gone && setAd((shown) => shown ?? found), () => undefined);
    show();
    const element = video.current;
    const pauses = new Pauses();
    const moved = (): void => {
      const marks = playback.marks.peek();
      const due = element && marks && pauses.due(element.currentTime, marks);
      if (due) show(due);
    };
    element?.addEventListener("timeupdate", moved);
    // Without a playlist that names it, the pause is where the stream is now; the viewer comes to it as much later as
    // they are behind.
    const leave = hear("stream:ad_break", ({ stream_id, id }) => {
      if (stream_id !== stream.id || playback.marks.peek()) return;
      timers.add(setTimeout(() => show(id), Math.max(0, playback.latencyMs.peek() ?? 0)));
    });
    return () => {
      gone = true;
      timers.forEach(clearTimeout);
      element?.removeEventListener("timeupdate", moved);
      leave();
    };
  }, [stream.id, off]);
  return ad && <AdView key={ad.id} ad={ad} under={video} onDone={() => setAd(null)} />;
}

/** The stream goes on underneath, without its sound. */
function useQuiet(under: { current: HTMLVideoElement | null }): void {
  useEffect(() => {
    const element = under.current;
    if (!element) return;
    const was = element.muted;
    element.dataset["quiet"] = "1";
    element.muted = true;
    return () => {
      element.muted = was;
      setTimeout(() => delete element.dataset["quiet"]);
    };
  }, []);
}

function AdView({ ad, under, onDone }: { ad: Ad; under: { current: HTMLVideoElement | null }; onDone: () => void }) {
  const own = useRef<HTMLVideoElement>(null);
  const [playedMs, setPlayedMs] = useState(0);
  const [quarters] = useState(() => new Quarters(ad, tell));
  useQuiet(under);
  useEffect(() => {
    const element = own.current;
    if (!element) return;
    let session: HlsSession | null = null;
    let gone = false;
    const begin = async (): Promise<void> => {
      const options = { url: media(ad.video), video: element, startAt: 0, quality: null, onLevels: () => undefined, onShown: () => undefined };
      const made = await startHls({ ...options, onLost: onDone, onUnplayable: onDone });
      if (gone) return made.close();
      session = made;
      await element.play().catch(() => {
        element.muted = true;
        return element.play();
      });
    };
    begin().catch(onDone);
    const starting = setTimeout(() => element.currentTime === 0 && onDone(), PATIENCE_MS);
    const ending = setTimeout(onDone, ad.duration_ms + 2 * PATIENCE_MS);
    return () => {
      gone = true;
      clearTimeout(starting);
      clearTimeout(ending);
      session?.close();
    };
  }, []);
  const progress = (): void => {
    const at = (own.current?.currentTime ?? 0) * 1000;
    setPlayedMs(at);
    if (at > 0) quarters.seen(Math.min(0.99, at / ad.duration_ms));
  };
  const end = (): void => {
    quarters.seen(1);
    onDone();
  };
  const waitS = Math.ceil((ad.skip_after_ms - playedMs) / 1000);
  return (
    <section class="ad-slot" aria-label={t("ad")}>
      <video ref={own} playsInline aria-label={t("ad")} onTimeUpdate={progress} onEnded={end} onError={onDone} />
      <span class="ad-label">{t("ad")}</span>
      <div class="ad-buttons">
        <a class="button small" href={ad.click} target="_blank" rel="noopener noreferrer">
          {t("visit")}
        </a>
        <button type="button" class="button small" disabled={waitS > 0} onClick={onDone}>
          {waitS > 0 ? t("skipIn", { n: waitS }) : t("skip")}
        </button>
      </div>
    </section>
  );
}
