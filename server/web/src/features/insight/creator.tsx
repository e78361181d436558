/** What the streams and videos of who looks came to, by day or otherwise. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";
import { count } from "../../ui/format";
import { Geolocation } from "../../ui/geolocation";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { Plot } from "./plot";
import "./insight.css";
import { t } from "./words";

type Mine = Answer<"myAnalytics">;
type Metric = Mine["metric"];
type By = Mine["by"];

const KEYS: Record<Metric, readonly By[]> = {
  views: ["day", "stream", "country", "device", "source"],
  viewers: ["day", "stream"],
  watch_seconds: ["day", "stream"],
  peak_viewers: ["day", "stream"],
  chat_messages: ["day", "stream"],
  followers: ["day"],
  revenue: ["day"],
};
const METRICS = ["views", "viewers", "watch_seconds", "peak_viewers", "chat_messages", "followers", "revenue"] as const satisfies readonly Metric[];
const SPANS = [7, 28, 90, 365] as const;
const DAY_MS = 86_400_000;

export const firstDay = (days: number, now = Date.now()): string => new Date(now - (days - 1) * DAY_MS).toISOString().slice(0, 10);

export default function CreatorAnalytics() {
  useTitle(t("analytics"));
  const [metric, setMetric] = useState<Metric>("views");
  const [by, setBy] = useState<By>("day");
  const [days, setDays] = useState<number>(28);
  const [told, setTold] = useState<Mine | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const asked = `metric=${metric}&by=${by}&from=${firstDay(days)}`;
  useEffect(() => {
    setFailure(null);
    void call<Mine>(`/me/analytics?${asked}`).then(setTold, setFailure);
  }, [asked]);
  const choose = (next: Metric): void => {
    setMetric(next);
    if (!KEYS[next].includes(by)) setBy("day");
  };
  return (
    <div class="page">
      <PageTitle>{t("analytics")}</PageTitle>
      <div class="insight-choices">
        <Choice label={t("metric")} value={metric} values={METRICS} shown={(one) => t(one)} onChoose={choose} />
        <Choice label={t("by")} value={by} values={KEYS[metric]} shown={(one) => t(one)} onChoose={setBy} />
        <Choice label={t("days")} value={days} values={SPANS} shown={(n) => t("lastDays", { n })} onChoose={setDays} />
        <button type="button" class="button" onClick={() => void download(asked, metric)}>
          {t("download")}
        </button>
      </div>
      {failure ? <Empty title={sentence(failure)} /> : told ? <Told told={told} /> : <Spinner />}
    </div>
  );
}

interface ChoiceProps<V extends string | number> {
  label: string;
  value: V;
  values: readonly V[];
  shown: (value: V) => string;
  onChoose: (value: V) => void;
}

function Choice<V extends string | number>({ label, value, values, shown, onChoose }: ChoiceProps<V>) {
  return (
    <label>
      {label}{" "}
      <select
        value={String(value)}
        onChange={(event) => {
          const chosen = values.find((one) => String(one) === event.currentTarget.value);
          if (chosen !== undefined) onChoose(chosen);
        }}
      >
        {values.map((one) => (
          <option key={one} value={String(one)}>
            {shown(one)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Told({ told }: { told: Mine }) {
  const { revenue, ...totals } = told.totals;
  return (
    <>
      <dl class="insight-totals">
        {Object.entries(totals).map(([name, value]) => (
          <Total key={name} name={t(name as Exclude<Metric, "revenue">)} value={count(value)} />
        ))}
        {revenue.map((one) => (
          <Total key={one.currency} name={t("revenue")} value={money(one.amount, one.currency)} />
        ))}
      </dl>
      {!told.items.length && <Empty title={t("noNumbers")} />}
      {told.by === "day" && told.metric !== "revenue" && told.items.length > 0 && <Plot what={t(told.metric)} points={told.items} />}
      {told.items.length > 0 && (told.by !== "day" || told.metric === "revenue") && <Table told={told} />}
      {told.by === "country" && <Geolocation />}
    </>
  );
}

export function Total({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

export const money = (amount: number, currency: string): string => {
  const format = new Intl.NumberFormat(document.documentElement.lang || "en", { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
};

function Table({ told }: { told: Mine }) {
  return (
    <table class="insight-table">
      <thead>
        <tr>
          <th scope="col">{t(told.by)}</th>
          <th scope="col">{t(told.metric)}</th>
        </tr>
      </thead>
      <tbody>
        {told.items.map((one) => (
          <tr key={`${one.key} ${one.currency ?? ""}`}>
            <th scope="row">
              <bdi>{one.key === "unknown" ? t("unknown") : one.key}</bdi>
            </th>
            <td>{one.currency ? money(one.value, one.currency) : count(one.value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

async function download(asked: string, name: string): Promise<void> {
  const text = await call<string>(`/me/analytics.csv?${asked}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = `${name}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}
