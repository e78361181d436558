import { useRef, useState } from "preact/hooks";
import type { CSSProperties, TargetedPointerEvent } from "preact";
import { duration } from "../../ui/format";
import { chapterAt, type Chapter } from "./chapter";
import { Preview } from "./preview";
import { t } from "./words";

interface Props {
  time: number;
  length: number;
  /** At the live edge the bar is full, whatever the delay. */
  live: boolean;
  onSeek: (seconds: number) => void;
  chapters?: readonly Chapter[];
  /** Where the WebVTT of its pictures is. */
  storyboard?: string | null;
}

/** A slider over the whole broadcast; it seeks when it is let go, not while it is dragged. */
export function Timeline({ time, length, live, onSeek, chapters = [], storyboard }: Props) {
  const bar = useRef<HTMLDivElement>(null);
  const [dragged, setDragged] = useState<number | null>(null);
  const [hover, setHover] = useState<number | null>(null);
  const known = Number.isFinite(length) && length > 0;
  const shown = dragged ?? (live ? length : time);
  const share = known ? Math.min(1, Math.max(0, shown / length)) : 0;

  const at = (event: PointerEvent): number => {
    const box = bar.current?.getBoundingClientRect();
    if (!box || !known) return 0;
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * length;
  };
  const onPointerDown = (event: TargetedPointerEvent<HTMLDivElement>): void => {
    if (!known || event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setDragged(at(event));
  };
  const onPointerMove = (event: PointerEvent): void => {
    setHover(at(event));
    if (dragged !== null) setDragged(at(event));
  };
  const onPointerUp = (event: PointerEvent): void => {
    if (dragged === null) return;
    setDragged(null);
    onSeek(at(event));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = {
      ArrowLeft: time - 5,
      ArrowRight: time + 5,
      PageDown: time - 60,
      PageUp: time + 60,
      Home: 0,
      End: length,
    };
    const to = steps[event.key];
    if (to === undefined || !known) return;
    event.preventDefault();
    onSeek(Math.min(length, Math.max(0, to)));
  };

  return (
    <div
      class="timeline"
      ref={bar}
      role="slider"
      tabIndex={0}
      aria-label={t("position")}
      aria-valuemin={0}
      aria-valuemax={Math.round(known ? length : 0)}
      aria-valuenow={Math.round(shown)}
      aria-valuetext={live ? t("live") : t("positionOf", { time: duration(shown), length: duration(length) })}
      style={{ "--share": share } as CSSProperties}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={() => setDragged(null)}
      onPointerLeave={() => setHover(null)}
      onKeyDown={onKeyDown}
    >
      <span class="timeline-track">
        <span class="timeline-fill" />
        {known &&
          chapters
            .filter(({ at }) => at > 0 && at < length)
            .map(({ at }) => <span key={at} class="timeline-chapter" style={{ "--at": at / length } as CSSProperties} />)}
      </span>
      <span class="timeline-knob" />
      {hover !== null && known && (
        <output class="timeline-hint" style={{ "--at": hover / length } as CSSProperties}>
          {storyboard && <Preview url={storyboard} at={hover} />}
          {live ? `−${duration(length - hover)}` : duration(hover)}
          {chapterAt(chapters, hover) && <bdi class="timeline-label">{chapterAt(chapters, hover)?.label}</bdi>}
        </output>
      )}
    </div>
  );
}
