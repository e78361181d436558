/** What moderators have decided about the person, with appeals; and what became of the person's own reports. */
import { useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { when } from "../../ui/format";
import { Empty, Field, Spinner } from "../../ui/parts";
import { usePages, type Pages } from "../../ui/pages";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { appeal, listMyReports, listMyStrikes, type Report, type Strike } from "./calls";
import { t } from "./words";
import "./safety.css";

export default function Strikes() {
  const strikes = usePages<Strike>(listMyStrikes, []);
  const reports = usePages<Report>(listMyReports, []);
  return (
    <>
      <section aria-labelledby="my-strikes">
        <h2 id="my-strikes">{t("myStrikes")}</h2>
        <Listed of={strikes} none={t("noStrikes")} row={(one) => <StrikeItem key={one.id} one={one} onChange={strikes.replace} />} />
      </section>
      <section aria-labelledby="my-reports">
        <h2 id="my-reports">{t("myReports")}</h2>
        <Listed of={reports} none={t("noReports")} row={(one) => <ReportItem key={one.id} one={one} />} />
      </section>
    </>
  );
}

function Listed<T extends { id: string }>({ of, none, row }: { of: Pages<T>; none: string; row: (one: T) => preact.JSX.Element }) {
  if (of.failure) return <Empty title={sentence(of.failure)} />;
  if (!of.items) return <Spinner />;
  if (!of.items.length) return <p class="dim">{none}</p>;
  return (
    <>
      <ul class="cases-list">{of.items.map(row)}</ul>
      {of.next && (
        <button type="button" class="button" onClick={of.more}>
          {t("more")}
        </button>
      )}
    </>
  );
}

function outcomeOf(one: Strike): string {
  const until = one.until ? when(one.until) : "";
  if (one.action === "restrict") return t("restricted", { until });
  if (one.action === "suspend") return t("suspended", { until });
  return t(one.action === "hide" ? "hidden" : one.action === "remove" ? "removed" : "warned");
}

function StrikeItem({ one, onChange }: { one: Strike; onChange: (strike: Strike) => void }) {
  const [asking, setAsking] = useState(false);
  const counts = one.state === "active" ? t("active", { until: when(one.expires_at) }) : t(one.state === "expired" ? "expired" : "revoked");
  return (
    <li class="panel case">
      <p>
        <b>{outcomeOf(one)}</b> · {t(one.kind)} · {t("rule", { rule: t(one.rule) })}
      </p>
      <p dir="auto">{one.reason}</p>
      {one.evidence["text"] ? (
        <blockquote class="case-text" dir="auto">
          {String(one.evidence["text"])}
        </blockquote>
      ) : null}
      <p class="dim">
        {when(one.created_at)} · {counts}
      </p>
      {one.appeal && <AppealState of={one.appeal} />}
      {!one.appeal && one.state === "active" && !asking && (
        <button type="button" class="button" onClick={() => setAsking(true)}>
          {t("appeal")}
        </button>
      )}
      {asking && !one.appeal && <AppealForm strike={one} onChange={onChange} />}
    </li>
  );
}

function AppealState({ of }: { of: NonNullable<Strike["appeal"]> }) {
  const said = of.state === "open" ? t("appealOpen", { when: when(of.due_at) }) : t(of.state === "upheld" ? "appealUpheld" : "appealOverturned");
  return (
    <p>
      {said} {of.note && <q dir="auto">{of.note}</q>}
    </p>
  );
}

function AppealForm({ strike, onChange }: { strike: Strike; onChange: (strike: Strike) => void }) {
  const { form, errors, busy, submit } = useSending(["text"], async (data) => {
    const made = await appeal(strike.id, textOf(data, "text").trim());
    toast(t("appealed", { when: when(made.appeal.due_at) }), "good");
    onChange({ ...strike, appeal: made.appeal });
  });
  return (
    <form class="stack" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("appealText")} name="text" error={errors["text"]}>
        {(ids) => <textarea {...ids} name="text" rows={3} maxLength={2000} required dir="auto" />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("appeal")}
      </button>
    </form>
  );
}

function ReportItem({ one }: { one: Report }) {
  const came = one.state === "open" ? t("inWork") : t(one.outcome === "acted" ? "acted" : "dismissed");
  return (
    <li class="panel case">
      <p>
        <b>{t(one.kind)}</b> · {t(one.reason)} · {came}
      </p>
      {one.detail && <p dir="auto">{one.detail}</p>}
      <p class="dim">{when(one.created_at)}</p>
    </li>
  );
}
