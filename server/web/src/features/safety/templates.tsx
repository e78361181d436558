/** Texts to begin an answer with: moderators choose one, admins write them. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { Field } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { addTemplate, dropTemplate, listTemplates, type Template } from "./calls";
import { t } from "./words";

export function Templates({ onChoose }: { onChoose: (text: string) => void }) {
  const [items, setItems] = useState<Template[]>([]);
  const read = (): Promise<void> => listTemplates().then((found) => setItems(found.items), () => undefined);
  useEffect(() => void read(), []);
  const isAdmin = me.value?.roles.includes("admin") ?? false;
  return (
    <>
      {items.length > 0 && (
        <label>
          {t("template")}
          <select value="" onChange={(event) => onChoose(items.find(({ id }) => id === event.currentTarget.value)?.text ?? "")}>
            <option value="">{t("chooseTemplate")}</option>
            {items.map((one) => (
              <option key={one.id} value={one.id}>
                {one.title}
              </option>
            ))}
          </select>
        </label>
      )}
      {isAdmin && <Written items={items} onChange={read} />}
    </>
  );
}

function Written({ items, onChange }: { items: Template[]; onChange: () => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["title", "text"], async (data) => {
    await addTemplate({ title: textOf(data, "title").trim(), text: textOf(data, "text").trim() });
    form.current?.reset();
    await onChange();
  });
  return (
    <details>
      <summary>{t("templates")}</summary>
      <ul class="case-notes">
        {items.map((one) => (
          <li key={one.id}>
            <b dir="auto">{one.title}</b>{" "}
            <button type="button" class="button" onClick={() => void attempt(() => dropTemplate(one.id).then(onChange))} aria-label={t("removeTemplate", { title: one.title })}>
              {t("removeIt")}
            </button>
            <p dir="auto">{one.text}</p>
          </li>
        ))}
      </ul>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("templateTitle")} name="title" error={errors["title"]}>
          {(ids) => <input {...ids} name="title" maxLength={80} required dir="auto" />}
        </Field>
        <Field label={t("templateText")} name="text" error={errors["text"]}>
          {(ids) => <textarea {...ids} name="text" rows={2} maxLength={2000} required dir="auto" />}
        </Field>
        <button type="submit" class="button" disabled={busy}>
          {t("addTemplate")}
        </button>
      </form>
    </details>
  );
}
