/** What the whole server came to in the last four weeks, for operators. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";
import { count } from "../../ui/format";
import { Empty, Spinner } from "../../ui/parts";
import { money, Total } from "./creator";
import { Plot } from "./plot";
import "./insight.css";
import { t } from "./words";

const PLOTS = [
  ["new_people", "new_people"],
  ["streams", "streamsStarted"],
  ["views", "views"],
  ["watch_seconds", "watch_seconds"],
  ["posts", "postsWritten"],
] as const;

export default function ServerAnalytics() {
  const [told, setTold] = useState<Answer<"serverAnalytics"> | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => void call<Answer<"serverAnalytics">>("/admin/analytics").then(setTold, setFailure), []);
  if (failure) return <Empty title={sentence(failure)} />;
  if (!told) return <Spinner />;
  return (
    <>
      <dl class="insight-totals">
        {PLOTS.map(([metric, word]) => (
          <Total key={metric} name={t(word)} value={count(told.totals[metric])} />
        ))}
        {told.totals.revenue.map((one) => (
          <Total key={one.currency} name={t("revenue")} value={money(one.amount, one.currency)} />
        ))}
      </dl>
      {PLOTS.map(([metric, word]) => (
        <Plot key={metric} what={t(word)} points={told.items.map((one) => ({ key: one.day, value: one[metric] }))} />
      ))}
    </>
  );
}
