/** What moderators write for one another on a case. */
import { when } from "../../ui/format";
import { FormError, textOf, useSending } from "../../ui/sending";
import { noteOnCase, type WholeCase } from "./calls";
import { t } from "./words";

export function Notes({ of, onWritten }: { of: WholeCase; onWritten: () => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["text"], async (data) => {
    await noteOnCase(of.id, textOf(data, "text").trim());
    form.current?.reset();
    await onWritten();
  });
  return (
    <details open={of.notes.length > 0}>
      <summary>
        {t("notes")} · {of.notes.length}
      </summary>
      {of.notes.length > 0 && (
        <ul class="case-notes">
          {of.notes.map((one) => (
            <li key={one.id}>
              <span class="dim">
                <bdi>{one.author ? `@${one.author}` : t("gone")}</bdi> · {when(one.created_at)}
              </span>
              <p dir="auto">{one.text}</p>
            </li>
          ))}
        </ul>
      )}
      <form class="case-note" ref={form} onSubmit={submit} noValidate>
        <textarea name="text" rows={2} maxLength={2000} required dir="auto" aria-label={t("writeNote")} placeholder={t("writeNote")} />
        <button type="submit" class="button" disabled={busy}>
          {t("addNote")}
        </button>
        <FormError text={errors["text"] ?? errors["form"]} />
      </form>
    </details>
  );
}
