/** Experiments: shares of their arms, and the difference with its interval. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";
import { count, decimal, percent } from "../../ui/format";
import { Empty, Spinner } from "../../ui/parts";
import "./insight.css";
import { t } from "./words";

type Read = Answer<"readExperiment">;

const NOTHING = "–";

export default function Experiments() {
  const [items, setItems] = useState<Read[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => {
    const read = async (): Promise<Read[]> => {
      const { items: all } = await call<Answer<"listExperiments">>("/admin/experiments");
      return Promise.all(all.map((one) => call<Read>(`/admin/experiments/${one.name}`)));
    };
    void read().then(setItems, setFailure);
  }, []);
  if (failure) return <Empty title={sentence(failure)} />;
  if (!items) return <Spinner />;
  if (!items.length) return <Empty title={t("noExperiments")} />;
  return (
    <>
      {items.map((one) => (
        <section key={one.name} class="insight-block">
          <h2>
            <bdi>{one.name}</bdi> <span class="tag">{t(one.on ? "on" : "off")}</span>
          </h2>
          {one.description && <p dir="auto">{one.description}</p>}
          <Arms of={one} />
        </section>
      ))}
    </>
  );
}

function Arms({ of: experiment }: { of: Read }) {
  return (
    <table class="insight-table">
      <thead>
        <tr>
          {(["arm", "share", "met", "mean", "difference"] as const).map((name) => (
            <th key={name} scope="col">
              {t(name)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {experiment.results.map((one) => (
          <tr key={one.arm}>
            <th scope="row">
              <bdi>{one.arm}</bdi>
            </th>
            <td>{percent((experiment.shares[one.arm] ?? 0) / 100)}</td>
            <td>{count(one.people)}</td>
            <td>{decimal(one.mean, 1)}</td>
            <td>{differenceOf(one)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function differenceOf({ difference, low, high }: Read["results"][number]): string {
  if (difference === null || low === null || high === null) return NOTHING;
  return t("interval", { value: decimal(difference, 1), low: decimal(low, 1), high: decimal(high, 1) });
}
