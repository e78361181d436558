/** The audit log: who did what to whom, from where and why, and whether it is whole. */
import { useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { when } from "../../ui/format";
import { Empty, Field, Spinner } from "../../ui/parts";
import { usePages } from "../../ui/pages";
import { listAudit, verifyAudit, type Asked, type Entry, type Verification } from "./calls";
import { t } from "./words";
import "./audit.css";

export default function AuditPage() {
  const [asked, setAsked] = useState<Asked>({ actor: "", action: "" });
  const { items, next, failure, more } = usePages<Entry>((cursor) => listAudit(asked, cursor), [asked.actor, asked.action]);
  if (failure instanceof ApiError && failure.status === 403) return <Empty title={t("forAdmins")}>{<p>{t("noLeave")}</p>}</Empty>;
  return (
    <div class="audit">
      <Verify />
      <Filter onAsk={setAsked} />
      <p class="audit-failure" role="status">
        {failure ? sentence(failure) : ""}
      </p>
      {!items && !failure && <Spinner />}
      {items?.length === 0 && <Empty title={t("none")} />}
      {items && items.length > 0 && (
        <ol class="audit-list" aria-label={t("entries")}>
          {items.map((entry) => (
            <EntryItem key={entry.id} entry={entry} />
          ))}
        </ol>
      )}
      {next && (
        <button type="button" class="button" onClick={more}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

function Verify() {
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState<Verification | null>(null);
  const [failure, setFailure] = useState("");
  const verify = async (): Promise<void> => {
    setBusy(true);
    setFailure("");
    try {
      setFound(await verifyAudit());
    } catch (error) {
      setFailure(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  const words = found && (found.valid ? t("whole", { n: found.entries }) : t("broken", { id: found.first_invalid ?? "" }));
  return (
    <div class="audit-verify">
      <button type="button" class="button" disabled={busy} onClick={() => void verify()}>
        {busy ? t("verifying") : t("verify")}
      </button>
      <p role="status" class={found && !found.valid ? "audit-failure" : undefined}>
        {failure || words}
      </p>
    </div>
  );
}

function Filter({ onAsk }: { onAsk: (asked: Asked) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const ask = (event: Event): void => {
    event.preventDefault();
    const given = new FormData(form.current ?? undefined);
    onAsk({ actor: String(given.get("actor") ?? "").trim(), action: String(given.get("action") ?? "").trim().toLowerCase() });
  };
  return (
    <form class="audit-filter" role="search" aria-label={t("filter")} ref={form} onSubmit={ask}>
      <Field label={t("actor")} name="actor" hint={t("actorHint")}>
        {(ids) => <input {...ids} name="actor" type="search" dir="ltr" maxLength={64} autocomplete="off" spellcheck={false} />}
      </Field>
      <Field label={t("action")} name="action" hint={t("actionHint")}>
        {(ids) => <input {...ids} name="action" type="search" dir="ltr" maxLength={80} autocomplete="off" spellcheck={false} />}
      </Field>
      <button type="submit" class="button">
        {t("show")}
      </button>
    </form>
  );
}

function EntryItem({ entry }: { entry: Entry }) {
  const who = entry.actor ?? entry.actor_id ?? t("server");
  return (
    <li class="panel audit-item">
      <p class="audit-head">
        <strong class="mono" dir="ltr">
          {entry.action}
        </strong>
        <time class="dim" dateTime={entry.at}>
          {when(entry.at)}
        </time>
      </p>
      <p>
        <bdi>{who}</bdi>
        {entry.ip && <> {t.rich("from", { ip: <bdi>{entry.ip}</bdi> })}</>}
        {entry.subject && <> · {t.rich("concerns", { subject: <bdi class="mono">{entry.subject}</bdi> })}</>}
      </p>
      {entry.why && <p dir="auto">{entry.why}</p>}
      <details>
        <summary>{t("details")}</summary>
        {entry.detail ? <pre dir="ltr">{JSON.stringify(entry.detail, null, 1)}</pre> : <p class="dim">{t("erased")}</p>}
        <p class="dim mono" dir="ltr">
          {t("hash")} {entry.hash}
        </p>
      </details>
    </li>
  );
}
