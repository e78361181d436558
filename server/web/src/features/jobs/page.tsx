/** Work that outlives its process, as operators see it: what waits, what was given up and why, and what fires when. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { ago, count, when } from "../../ui/format";
import { Empty, Field, Spinner, useInterval } from "../../ui/parts";
import { Scroll } from "../../ui/scroll";
import { listJobs, type Job, type JobState, type Jobs } from "./calls";
import { JobItem } from "./item";
import { FactReaders } from "./readers";
import { t } from "./words";
import "./jobs.css";

const REFRESH_MS = 3000;
const STATES: readonly JobState[] = ["queued", "running", "dead", "done", "cancelled"];

interface Asked {
  state: string;
  name: string;
}

interface Seen {
  jobs: Jobs | null;
  /** Pages after the first, which is the one that is asked for again. */
  older: Job[];
  next: string | null;
  failure: unknown;
  more: () => void;
  refresh: () => void;
}

/** The first page every 3 s while it is visible; an answer to an earlier question is let go. */
function useJobs(asked: Asked): Seen {
  const [jobs, setJobs] = useState<Jobs | null>(null);
  const [older, setOlder] = useState<Job[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const latest = useRef(0);
  const ask = async (cursor: string): Promise<void> => {
    const number = ++latest.current;
    try {
      const answer = await listJobs({ ...asked, cursor });
      if (number !== latest.current) return;
      setFailure(null);
      if (cursor) setOlder((before) => [...before, ...answer.items]);
      else setJobs(answer);
      setNext((known) => (cursor || older.length === 0 ? answer.next : known));
    } catch (error) {
      if (number === latest.current) setFailure(error);
    }
  };
  useEffect(() => {
    setOlder([]);
    void ask("");
    return () => void latest.current++;
  }, [asked.state, asked.name]);
  useInterval(() => void ask(""), REFRESH_MS, older.length === 0);
  return { jobs, older, next, failure, more: () => void ask(next ?? ""), refresh: () => void ask("") };
}

export default function JobsPage() {
  const [asked, setAsked] = useState<Asked>({ state: "", name: "" });
  const { jobs, older, next, failure, more, refresh } = useJobs(asked);
  if (failure instanceof ApiError && failure.status === 403) {
    return (
      <Empty title={t("forOperators")}>
        <p>{t("noLeave")}</p>
      </Empty>
    );
  }
  const items = [...(jobs?.items ?? []), ...older];
  return (
    <div class="jobs">
      <p class="jobs-failure" role="status">
        {failure ? sentence(failure) : ""}
      </p>
      {!jobs && !failure && <Spinner />}
      {jobs && <Backlog counts={jobs.counts} />}
      {jobs && (
        <section class="panel" aria-labelledby="jobs-list">
          <h2 id="jobs-list">{t("jobs")}</h2>
          <Filter asked={asked} names={[...new Set([...jobs.schedules, ...jobs.counts].map(({ name }) => name))].sort()} onAsk={setAsked} />
          {items.length === 0 && <p class="dim">{t("none")}</p>}
          <ul class="jobs-list">
            {items.map((job) => (
              <JobItem key={job.id} job={job} onChange={refresh} />
            ))}
          </ul>
          {next && (
            <button type="button" class="button" onClick={more}>
              {t("more")}
            </button>
          )}
        </section>
      )}
      {jobs && <Schedules schedules={jobs.schedules} />}
      <FactReaders />
    </div>
  );
}

function Backlog({ counts }: { counts: Jobs["counts"] }) {
  return (
    <section class="panel" aria-labelledby="jobs-backlog">
      <h2 id="jobs-backlog">{t("backlog")}</h2>
      {counts.length === 0 ? (
        <p class="dim">{t("empty")}</p>
      ) : (
        <Scroll label={t("backlogTable")}>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">{t("kind")}</th>
                <th scope="col">{t("state")}</th>
                <th scope="col">{t("number")}</th>
                <th scope="col">{t("oldest")}</th>
              </tr>
            </thead>
            <tbody>
              {counts.map((one) => (
                <tr key={`${one.name} ${one.state}`} class={one.state === "dead" ? "jobs-bad" : undefined}>
                  <th scope="row" class="mono">
                    {one.name}
                  </th>
                  <td>{t(one.state)}</td>
                  <td class="tabular">{count(one.count)}</td>
                  <td title={when(one.oldest_due_at)}>{ago(one.oldest_due_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function Schedules({ schedules }: { schedules: Jobs["schedules"] }) {
  return (
    <section class="panel" aria-labelledby="jobs-schedules">
      <h2 id="jobs-schedules">{t("schedules")}</h2>
      <Scroll label={t("schedulesTable")}>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{t("kind")}</th>
              <th scope="col">{t("spec")}</th>
              <th scope="col">{t("next")}</th>
              <th scope="col">{t("last")}</th>
            </tr>
          </thead>
          <tbody>
            {schedules.map((one) => (
              <tr key={one.name}>
                <th scope="row" class="mono">
                  {one.name}
                </th>
                <td class="mono tabular" dir="ltr">
                  {one.spec}
                </td>
                <td class="tabular">{when(one.next_at)}</td>
                <td class="tabular">{one.fired_at ? when(one.fired_at) : t("never")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Filter({ asked, names, onAsk }: { asked: Asked; names: string[]; onAsk: (asked: Asked) => void }) {
  return (
    <form class="jobs-filter" role="search" aria-label={t("filter")} onSubmit={(event) => event.preventDefault()}>
      <Field label={t("state")} name="state">
        {(ids) => (
          <select {...ids} name="state" value={asked.state} onChange={(event) => onAsk({ ...asked, state: event.currentTarget.value })}>
            <option value="">{t("all")}</option>
            {STATES.map((state) => (
              <option key={state} value={state}>
                {t(state)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("kind")} name="name">
        {(ids) => (
          <select {...ids} name="name" value={asked.name} onChange={(event) => onAsk({ ...asked, name: event.currentTarget.value })}>
            <option value="">{t("all")}</option>
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
    </form>
  );
}
