import { useEffect, useRef } from "preact/hooks";
import type { Studio } from "./studio";
import { t } from "./words";

const SPEAK_EVERY_MS = 1000;

/** Loudness of what is sent; drawn by a transform, so that it costs no layout. */
export function LevelMeter({ studio }: { studio: Studio }) {
  const meter = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let frame = 0;
    let shown = 0;
    let spoken = 0;
    const draw = (now: number): void => {
      const level = studio.level();
      shown = Math.max(level, shown * 0.92);
      meter.current?.style.setProperty("--level", shown.toFixed(3));
      if (now - spoken > SPEAK_EVERY_MS) {
        spoken = now;
        meter.current?.setAttribute("aria-valuenow", String(Math.round(shown * 100)));
      }
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [studio]);
  return (
    <div class="meter" ref={meter} role="meter" aria-label={t("loudness")} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0}>
      <span class="meter-fill" />
    </div>
  );
}
