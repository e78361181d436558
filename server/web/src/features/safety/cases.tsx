/** The queue of cases beside the one that a moderator works on: by mouse, by touch, or by keys alone. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { hear } from "../../realtime/socket";
import { ago, when } from "../../ui/format";
import { Empty, Spinner } from "../../ui/parts";
import { usePages } from "../../ui/pages";
import { attempt } from "../../ui/sending";
import { claimCase, KINDS, listCases, SEVERITIES, type Asked, type Case } from "./calls";
import { CaseWork } from "./case";
import { t } from "./words";
import "./safety.css";

const STATES = ["", "open", "escalated", "closed"] as const;

export default function Cases() {
  const [asked, setAsked] = useState<Asked>({ state: "", kind: "", severity: "" });
  const [turn, setTurn] = useState(0);
  const [chosen, setChosen] = useState<string | null>(null);
  const { items, next, failure, more } = usePages<Case>((cursor) => listCases(asked, cursor), [...Object.values(asked), String(turn)]);
  useEffect(() => hear("moderation:case", () => setTurn((before) => before + 1)), []);
  const step = (by: 1 | -1): void => {
    if (!items?.length) return;
    const at = items.findIndex(({ id }) => id === chosen);
    setChosen(items[Math.min(items.length - 1, Math.max(0, at + by))]?.id ?? null);
  };
  const takeNext = (): void => {
    const free = items?.find((one) => one.id !== chosen && one.state !== "closed" && !one.claimed_by);
    if (free) void attempt(() => claimCase(free.id).then(() => setChosen(free.id)));
  };
  useKeys({ j: () => step(1), k: () => step(-1), n: takeNext });
  if (failure instanceof ApiError && failure.status === 403) return <Empty title={t("forModerators")}>{<p>{t("noLeave")}</p>}</Empty>;
  return (
    <div class="cases">
      <Filter asked={asked} onAsk={setAsked} />
      {failure ? (
        <p class="form-error" role="status">
          {sentence(failure)}
        </p>
      ) : null}
      <div class="cases-both">
        <div>
          {!items && !failure && <Spinner />}
          {items?.length === 0 && <Empty title={t("noCases")} />}
          <ul class="cases-list" aria-label={t("cases")}>
            {items?.map((one) => (
              <Row key={one.id} one={one} isChosen={one.id === chosen} onChoose={() => setChosen(one.id)} />
            ))}
          </ul>
          {next && (
            <button type="button" class="button" onClick={more}>
              {t("more")}
            </button>
          )}
        </div>
        {chosen ? (
          <CaseWork key={chosen} id={chosen} onDone={() => step(1)} onChange={() => setTurn((before) => before + 1)} />
        ) : (
          items && items.length > 0 && <p class="dim">{t("choose")}</p>
        )}
      </div>
    </div>
  );
}

/** Keys act unless the person is writing, or holds another key down. */
export function useKeys(acts: Readonly<Record<string, () => void>>): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const on = event.target as HTMLElement | null;
      if (event.ctrlKey || event.metaKey || event.altKey || on?.closest("input, textarea, select, dialog")) return;
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}

function Row({ one, isChosen, onChoose }: { one: Case; isChosen: boolean; onChoose: () => void }) {
  const shown = String(one.evidence["title"] ?? one.evidence["text"] ?? "");
  return (
    <li>
      <button type="button" class="panel cases-row" aria-current={isChosen ? "true" : undefined} onClick={onChoose}>
        <span class="cases-head">
          <span class={`tag cases-${one.severity}`}>{t(one.severity)}</span> <b>{t(one.kind)}</b> · {t(one.reason)}
        </span>
        <span class="cases-text" dir="auto">
          {shown.slice(0, 120)}
        </span>
        <span class="dim">
          {one.owner && <bdi>@{one.owner.username}</bdi>} · {t("reports", { n: one.reports })} · {ago(one.reported_at)}
          {one.state === "closed" ? "" : ` · ${t("due", { when: when(one.due_at) })}`}
        </span>
        {one.claimed_by && <span class="dim">{t("claimedBy", { name: one.claimed_by.username })}</span>}
      </button>
    </li>
  );
}

function Filter({ asked, onAsk }: { asked: Asked; onAsk: (asked: Asked) => void }) {
  return (
    <form class="cases-filter" role="search" aria-label={t("filter")} onSubmit={(event) => event.preventDefault()}>
      <label>
        {t("state")}
        <select value={asked.state} onChange={(event) => onAsk({ ...asked, state: event.currentTarget.value })}>
          {STATES.map((state) => (
            <option key={state} value={state}>
              {t(state || "waiting")}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("kind")}
        <select value={asked.kind} onChange={(event) => onAsk({ ...asked, kind: event.currentTarget.value })}>
          <option value="">{t("any")}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {t(kind)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("severity")}
        <select value={asked.severity} onChange={(event) => onAsk({ ...asked, severity: event.currentTarget.value })}>
          <option value="">{t("any")}</option>
          {SEVERITIES.map((severity) => (
            <option key={severity} value={severity}>
              {t(severity)}
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}
