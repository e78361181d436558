/** How long recordings are kept, and which are to be removed soon. */
import { useEffect, useState } from "preact/hooks";
import { bytes, when } from "../../ui/format";
import { Field, Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { pin, putRule, readRule, type Rule } from "./calls";
import { t } from "./words";

const GB = 1_000_000_000;

export function RecordingsPanel() {
  const [rule, setRule] = useState<Rule | null>(null);
  const load = async (): Promise<void> => setRule(await readRule());
  useEffect(() => void load().catch(() => undefined), []);
  return (
    <section class="panel" aria-labelledby="recordings-title">
      <h2 id="recordings-title">{t("recordings")}</h2>
      <p class="dim">{t("explained")}</p>
      {rule ? (
        <>
          <p>{t("used", { size: bytes(rule.used_gb * GB) })}</p>
          <Expiring rule={rule} onPinned={load} />
          <RuleForm rule={rule} onSaved={setRule} />
        </>
      ) : (
        <Spinner />
      )}
    </section>
  );
}

function Expiring({ rule, onPinned }: { rule: Rule; onPinned: () => Promise<void> }) {
  if (!rule.expiring.length) return null;
  return (
    <div role="status" class="note">
      <h3>{t("soon")}</h3>
      <ul>
        {rule.expiring.map(({ stream_id, title, at }) => (
          <li key={stream_id}>
            <a href={`/watch/${stream_id}`}>
              <bdi>{title}</bdi>
            </a>{" "}
            <span class="dim">{t("from", { at: when(at) })}</span>{" "}
            <button
              type="button"
              class="button small"
              aria-label={t("keepIt", { title })}
              onClick={() => void attempt(() => pin(stream_id).then(onPinned), t("kept"))}
            >
              {t("keep")}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function RuleForm({ rule, onSaved }: { rule: Rule; onSaved: (rule: Rule) => void }) {
  const limit = (data: FormData, name: string): number | null => {
    const text = textOf(data, name).trim();
    return text ? Number(text) : null;
  };
  const { form, errors, busy, submit } = useSending(["keep_days", "keep_gb"], async (data) => {
    onSaved(await putRule({ keep_days: limit(data, "keep_days"), keep_gb: limit(data, "keep_gb") }));
    toast(t("saved"), "good");
  });
  return (
    <form class="stream-form" ref={form} onSubmit={submit} noValidate aria-label={t("recordings")}>
      <FormError text={errors["form"]} />
      <Field label={t("days")} name="keep_days" error={errors["keep_days"]} hint={t("noLimit")}>
        {(ids) => <input {...ids} name="keep_days" type="number" min={1} max={36500} step={1} defaultValue={rule.keep_days ?? ""} />}
      </Field>
      {rule.server_keep_days !== null && <p class="hint">{t("server", { days: rule.server_keep_days })}</p>}
      <Field label={t("gb")} name="keep_gb" error={errors["keep_gb"]} hint={t("noLimit")}>
        {(ids) => <input {...ids} name="keep_gb" type="number" min={1} max={1000000} step={1} defaultValue={rule.keep_gb ?? ""} />}
      </Field>
      {rule.server_keep_gb !== null && <p class="hint">{t("serverGb", { gb: rule.server_keep_gb })}</p>}
      <button type="submit" class="button" disabled={busy}>
        {t("save")}
      </button>
    </form>
  );
}
