/** A video's pictures in a row, with what is left out dimmed, and a slider for each end. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { CSSProperties } from "preact";
import { media } from "../../api/http";
import { duration } from "../../ui/format";
import { momentAt, readMoments, type Moment } from "../player/storyboard";
import { t } from "./words";

/** Half of what a sheet has. */
const SCALE = 0.5;
const TILE = 80;
const STEP = 0.1;

interface Props {
  storyboard: string | null;
  /** Seconds, as all times here. */
  length: number;
  from: number;
  to: number;
  onFrom: (seconds: number) => void;
  onTo: (seconds: number) => void;
}

export function Strip({ storyboard, length, from, to, onFrom, onTo }: Props) {
  const row = useRef<HTMLDivElement>(null);
  const [moments, setMoments] = useState<readonly Moment[]>([]);
  const [tiles, setTiles] = useState(0);
  useEffect(() => {
    if (storyboard) void readMoments(media(storyboard)).then(setMoments, () => undefined);
  }, [storyboard]);
  useEffect(() => {
    const watched = new ResizeObserver(([entry]) => setTiles(Math.ceil((entry?.contentRect.width ?? 0) / TILE)));
    if (row.current) watched.observe(row.current);
    return () => watched.disconnect();
  }, []);
  const shown = Array.from({ length: tiles }, (_, place) => momentAt(moments, ((place + 0.5) / tiles) * length));
  const share = { "--from": from / length, "--to": to / length } as CSSProperties;
  const slider = (label: string, value: number, set: (seconds: number) => void) => (
    <input
      type="range"
      min={0}
      max={length}
      step={STEP}
      value={value}
      aria-label={label}
      aria-valuetext={duration(value)}
      onInput={(event) => set(event.currentTarget.valueAsNumber)}
    />
  );
  return (
    <div class="trim-strip" dir="ltr" style={share}>
      <div ref={row} class="trim-pictures" aria-hidden="true">
        {storyboard && shown.map((moment, place) => <Tile key={place} moment={moment} storyboard={storyboard} />)}
        <span class="trim-out trim-before" />
        <span class="trim-out trim-after" />
      </div>
      {slider(t("trimFrom"), from, (seconds) => onFrom(Math.min(seconds, to)))}
      {slider(t("trimTo"), to, (seconds) => onTo(Math.max(seconds, from)))}
    </div>
  );
}

function Tile({ moment, storyboard }: { moment: Moment | undefined; storyboard: string }) {
  if (!moment) return <span class="trim-tile" />;
  const sheet = new URL(moment.sheet, media(storyboard)).href;
  return (
    <span
      class="trim-tile"
      style={{
        backgroundImage: `url("${sheet}")`,
        backgroundSize: `${5 * moment.width * SCALE}px auto`,
        backgroundPosition: `${-moment.x * SCALE}px ${-moment.y * SCALE}px`,
      }}
    />
  );
}
