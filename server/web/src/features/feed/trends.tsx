/** What many people write about now. */
import { useEffect, useState } from "preact/hooks";
import { listTrends, type Trend } from "./calls";
import { t } from "./words";

export function Trends() {
  const [trends, setTrends] = useState<Trend[]>([]);
  useEffect(() => {
    let isHere = true;
    listTrends().then(({ items }) => isHere && setTrends(items), () => undefined);
    return () => void (isHere = false);
  }, []);
  if (!trends.length) return null;
  return (
    <section class="feed-trends" aria-labelledby="feed-trends">
      <h2 id="feed-trends">{t("trends")}</h2>
      <ul>
        {trends.map(({ tag, people }) => (
          <li key={tag}>
            <a href={`/hashtags/${encodeURIComponent(tag)}`} dir="auto">
              #{tag}
            </a>{" "}
            <span class="feed-muted">{t("people", { n: people })}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
