/** The assistant as operators see it: whether its model answers, what went wrong last, and how much is asked. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { ago, count, seconds } from "../../ui/format";
import { Empty, Spinner } from "../../ui/parts";
import { Scroll } from "../../ui/scroll";
import { type Asker, type Engine, getEngine, listAskers, tryEngine } from "./calls";
import { t } from "./words";
import "./engine.css";

export default function EnginePage() {
  const [engine, setEngine] = useState<Engine | null>(null);
  const [askers, setAskers] = useState<Asker[]>([]);
  const [failure, setFailure] = useState<unknown>(null);
  const read = async (): Promise<void> => {
    setAskers(await listAskers());
    setEngine(await getEngine());
  };
  useEffect(() => void read().catch(setFailure), []);
  if (failure instanceof ApiError && failure.status === 403) {
    return (
      <Empty title={t("forOperators")}>
        <p>{t("noLeave")}</p>
      </Empty>
    );
  }
  if (!engine) return failure ? <p role="alert">{sentence(failure)}</p> : <Spinner />;
  return (
    <div class="engine">
      <Head of={engine} />
      <Failures of={engine} />
      <Days of={engine} />
      {askers.length > 0 && <Askers of={askers} />}
    </div>
  );
}

function Head({ of: one }: { of: Engine }) {
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);
  const tryIt = async (): Promise<void> => {
    setBusy(true);
    setSaid(t("trying"));
    try {
      const { failure, says, seconds: taken } = await tryEngine();
      const time = seconds(taken);
      setSaid(failure === null ? t("says", { time, says: says.trim() }) : t("silent", { failure, time, says }));
    } catch (error) {
      setSaid(sentence(error));
    }
    setBusy(false);
  };
  const isModel = one.engine === "api" || one.engine === "local";
  const says = { off: "isOff", articles: "articles", api: "api", local: "local" } as const;
  return (
    <section>
      <h2>{t("engine")}</h2>
      <p>{t(says[one.engine], { model: one.model ?? "" })}</p>
      {isModel && (
        <button type="button" class="button" disabled={busy} onClick={() => void tryIt()}>
          {t("tryIt")}
        </button>
      )}
      <p role="status" class="engine-said" dir="auto">
        {said}
      </p>
      <h3>{t("sinceStart")}</h3>
      <dl class="engine-figures">
        <Figure name={t("answers")} value={count(one.answers)} />
        <Figure name={t("failures")} value={count(Object.values(one.failures).reduce((sum, n) => sum + n, 0))} />
        <Figure name={t("firstWord")} value={one.first_word_p50_s === null ? "—" : seconds(one.first_word_p50_s)} />
        <Figure name={t("firstWordLate")} value={one.first_word_p95_s === null ? "—" : seconds(one.first_word_p95_s)} />
      </dl>
    </section>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Failures({ of: one }: { of: Engine }) {
  return (
    <section>
      <h2>{t("failures")}</h2>
      {one.last_failures.length === 0 ? (
        <p>{t("noFailures")}</p>
      ) : (
        <Table name={t("failures")} heads={[t("at"), t("kind"), t("what")]} rows={one.last_failures.map(({ at, failure, says }) => [ago(at), failure, says])} />
      )}
    </section>
  );
}

function Days({ of: one }: { of: Engine }) {
  return (
    <section>
      <h2>{t("days")}</h2>
      <p>{t("budget", { questions: count(one.daily_questions), tokens: count(one.daily_tokens) })}</p>
      {one.days.length === 0 ? (
        <p>{t("noDays")}</p>
      ) : (
        <Table
          name={t("days")}
          heads={[t("day"), t("people"), t("questions"), t("tokens")]}
          rows={one.days.map(({ day, people, questions, tokens }) => [day, count(people), count(questions), count(tokens)])}
        />
      )}
    </section>
  );
}

function Askers({ of: askers }: { of: readonly Asker[] }) {
  return (
    <section>
      <h2>{t("askers")}</h2>
      <p>{t("askersText")}</p>
      <Table
        name={t("askers")}
        heads={[t("person"), t("questions"), t("tokens")]}
        rows={askers.map(({ person, questions, tokens }) => [`@${person.username}`, count(questions), count(tokens)])}
      />
    </section>
  );
}

/** The first of each row is its head. */
function Table({ name, heads, rows }: { name: string; heads: readonly string[]; rows: readonly (readonly string[])[] }) {
  return (
    <Scroll label={name}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...others], number) => (
            <tr key={number}>
              <th scope="row">
                <bdi>{first}</bdi>
              </th>
              {others.map((cell, at) => (
                <td key={at}>
                  <bdi>{cell}</bdi>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
