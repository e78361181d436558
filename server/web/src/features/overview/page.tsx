/** How the server fares, and what an operator should do first. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";
import { bytes, clock, count, milliseconds, percent } from "../../ui/format";
import { Empty, Spinner, useInterval } from "../../ui/parts";
import "./overview.css";
import { t } from "./words";

const REFRESH_MS = 5000;

type Overview = Answer<"getOverview">;
type Todo = Overview["todo"][number];
type Code = Todo["code"];

/** What there may be to do, and the page on which more is told of it. */
const PAGES: ReadonlyMap<Code, string | null> = new Map<Code, string | null>([
  ["node_silent", "/admin/cluster"],
  ["node_draining", "/admin/cluster"],
  ["bus_deaf", "/admin/cluster"],
  ["media_away", "/admin/cluster"],
  ["media_restarted", "/admin/cluster"],
  ["busy", "/admin/cluster"],
  ["slow_loop", "/admin/cluster"],
  ["dead_letters", "/admin/cluster"],
  ["jobs_dead", "/admin/jobs"],
  ["jobs_late", "/admin/jobs"],
  ["facts_aside", "/admin/jobs"],
  ["mails_failed", "/admin/mail"],
  ["no_mail_server", "/admin/mail"],
  ["no_public_url", null],
  ["disk_full", null],
  ["disk_fills", null],
  ["http_errors", null],
]);
const STATUS = { good: "good", attention: "attention", bad: "bad" } as const;
const SEVERITY = { problem: "problem", note: "note" } as const;

export default function OverviewPage() {
  const [told, setTold] = useState<Overview | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const ask = (): void =>
    void call<Overview>("/admin/overview", { timeoutMs: 5000 }).then((answer) => {
      setTold(answer);
      setFailure(null);
    }, setFailure);
  useEffect(ask, []);
  useInterval(ask, REFRESH_MS);
  if (failure instanceof ApiError && failure.status === 403) {
    return (
      <Empty title={t("forOperators")}>
        <p>{t("noLeave")}</p>
      </Empty>
    );
  }
  return (
    <div class="overview">
      {failure ? <p role="alert">{sentence(failure)}</p> : null}
      {told ? <Told told={told} /> : !failure && <Spinner />}
    </div>
  );
}

function Told({ told }: { told: Overview }) {
  const { load, queues, errors, storage } = told;
  return (
    <>
      <p class={`overview-status overview-${told.status}`} role="status">
        <b>{t(STATUS[told.status])}</b> <span class="dim">{t("asOf", { time: clock(told.at) })}</span>
      </p>
      <section class="panel" aria-labelledby="overview-todo">
        <h2 id="overview-todo">{t("todo")}</h2>
        {told.todo.length ? (
          <ul class="overview-todo">
            {told.todo.map((one) => (
              <Item key={`${one.code} ${one.node}`} todo={one} />
            ))}
          </ul>
        ) : (
          <p class="dim">{t("nothing")}</p>
        )}
      </section>
      <div class="overview-parts">
        <Part
          title={t("load")}
          facts={[
            [t("nodes"), load.silent ? t("silentOf", { silent: load.silent, n: load.nodes }) : count(load.nodes)],
            [t("sockets"), count(load.sockets)],
            [t("streams"), count(load.streams)],
            [t("webrtcViewers"), count(load.whep_viewers)],
            [t("busiest"), percent(load.busiest)],
            [t("slowestLoop"), milliseconds(load.slowest_loop_ms)],
            [t("memory"), bytes(load.rss_bytes)],
          ]}
        />
        <Part
          title={t("queues")}
          facts={[
            [t("jobsWaiting"), count(queues.jobs_waiting)],
            [t("jobsRunning"), count(queues.jobs_running)],
            [t("jobsDead"), count(queues.jobs_dead)],
            [t("mailsWaiting"), count(queues.mails_waiting)],
            [t("mailsFailed"), count(queues.mails_failed)],
            [t("factsBehind"), count(queues.facts_behind)],
            [t("factsAside"), count(queues.facts_aside)],
          ]}
        />
        <Part
          title={t("storage")}
          facts={[
            [t("database"), bytes(storage.database_bytes)],
            ...storage.disks.map((disk): [string, string] => [
              disk.what === "run" ? t("runDisk", { node: disk.node }) : t("dataDisk", { node: disk.node }),
              t("freeOf", { free: bytes(disk.free_bytes), total: bytes(disk.total_bytes) }),
            ]),
          ]}
        />
        <Part
          title={t("errors")}
          facts={[
            [t("httpErrors"), count(errors.http)],
            [t("deadLetters"), count(errors.dead_letters)],
            [t("mediaRestarts"), count(errors.media_restarts)],
          ]}
        />
      </div>
    </>
  );
}

function Item({ todo }: { todo: Todo }) {
  const page = PAGES.get(todo.code);
  return (
    <li class={`overview-item overview-${todo.severity}`}>
      <b class="overview-flag">{t(SEVERITY[todo.severity])}</b>
      <span>
        {t(todo.code, { n: todo.count })} {todo.node && <bdi class="dim">{t("onNode", { node: todo.node })}</bdi>}
      </span>
      {page && (
        <a class="button" href={page} aria-label={`${t("look")}: ${t(todo.code, { n: todo.count })}`}>
          {t("look")}
        </a>
      )}
    </li>
  );
}

function Part({ title, facts }: { title: string; facts: [string, string][] }) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      <dl class="overview-facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="tabular">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
