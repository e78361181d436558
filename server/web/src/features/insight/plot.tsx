/** A line by day; what it says is text beside it, so that nobody has to see the line. */
import { count } from "../../ui/format";
import { t } from "./words";

const [WIDTH, HEIGHT] = [600, 120];

interface Props {
  what: string;
  points: readonly { key: string; value: number }[];
}

export function Plot({ what, points }: Props) {
  const values = points.map((point) => point.value);
  const [least, most] = [Math.min(0, ...values), Math.max(1, ...values)];
  const x = (index: number): string => ((index / Math.max(1, points.length - 1)) * WIDTH).toFixed(1);
  const y = (value: number): string => (HEIGHT - 2 - ((value - least) / (most - least)) * (HEIGHT - 8)).toFixed(1);
  const line = values.map((value, index) => `${x(index)},${y(value)}`).join(" ");
  const label = t("plot", { what, least: count(Math.min(...values)), most: count(Math.max(...values)) });
  return (
    <figure class="insight-plot">
      <figcaption>{label}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <polygon points={`0,${HEIGHT} ${line} ${x(values.length - 1)},${HEIGHT}`} />
        <polyline points={line} />
      </svg>
    </figure>
  );
}
