/** The window that asks what is wrong with a thing or a person. */
import { useEffect, useRef } from "preact/hooks";
import { Field } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { REASONS, report, type Reason } from "./calls";
import { reported, type Reported } from "./report";
import { t } from "./words";
import "./safety.css";

export default function Reporting() {
  const about = reported.value;
  return about && <ReportWindow key={about.id} about={about} />;
}

function ReportWindow({ about }: { about: Reported }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const { form, errors, busy, submit } = useSending(["reason", "detail"], async (data) => {
    await report({ ...about, reason: textOf(data, "reason") as Reason, detail: textOf(data, "detail").trim() });
    dialog.current?.close();
    toast(t("sent"), "good");
  });
  return (
    <dialog class="dialog" ref={dialog} onClose={() => (reported.value = null)} aria-labelledby="report-title">
      <h2 id="report-title">{t("reportIt")}</h2>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("why")} name="reason" error={errors["reason"]}>
          {(ids) => (
            <select {...ids} name="reason" required>
              {REASONS.map((reason) => (
                <option key={reason} value={reason}>
                  {t(reason)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("detail")} name="detail" hint={t("optional")} error={errors["detail"]}>
          {(ids) => <textarea {...ids} name="detail" maxLength={2000} rows={3} dir="auto" />}
        </Field>
        <div class="row">
          <button type="submit" class="button accent" disabled={busy}>
            {t("send")}
          </button>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t("close")}
          </button>
        </div>
      </form>
    </dialog>
  );
}
