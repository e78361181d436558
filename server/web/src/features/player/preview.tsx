/** The picture of the time that is pointed at. */
import { useEffect, useState } from "preact/hooks";
import { media } from "../../api/http";
import { momentAt, readMoments, type Moment } from "./storyboard";

/** While live the storyboard grows: it is read again this often while somebody points at the bar. */
const AGAIN_MS = 20_000;

export function Preview({ url, at }: { url: string; at: number }) {
  const [moments, setMoments] = useState<readonly Moment[]>([]);
  useEffect(() => {
    const read = (): void => void readMoments(media(url)).then(setMoments, () => undefined);
    read();
    const timer = setInterval(read, AGAIN_MS);
    return () => clearInterval(timer);
  }, [url]);
  const moment = momentAt(moments, at);
  if (!moment) return null;
  const sheet = new URL(moment.sheet, media(url)).href;
  return (
    <span
      class="timeline-picture"
      aria-hidden="true"
      style={{
        width: `${moment.width}px`,
        height: `${moment.height}px`,
        backgroundImage: `url("${sheet}")`,
        backgroundPosition: `${-moment.x}px ${-moment.y}px`,
      }}
    />
  );
}
