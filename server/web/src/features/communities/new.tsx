/** Found a community, or change what it says of itself. */
import { useEffect, useRef } from "preact/hooks";
import { navigate } from "../../router";
import { Field } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { changeCommunity, type Community, makeCommunity } from "./calls";
import { t } from "./words";

const FIELDS = ["name", "title", "description", "rules", "access"];
const ACCESSES = ["open", "approval", "invite"] as const;

const written = (data: FormData) => ({
  title: textOf(data, "title"),
  description: textOf(data, "description"),
  rules: textOf(data, "rules"),
  access: textOf(data, "access") as Community["access"],
});

export function NewCommunity({ onDone }: { onDone: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const { form, errors, busy, submit } = useSending(FIELDS, async (data) => {
    const made = await makeCommunity({ name: textOf(data, "name").trim(), ...written(data) });
    dialog.current?.close();
    navigate(`/c/${made.name}`);
  });
  return (
    <dialog class="dialog" ref={dialog} onClose={onDone} aria-labelledby="new-community">
      <h2 id="new-community">{t("begin")}</h2>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("titleField")} name="title" error={errors["title"]}>
          {(ids) => <input {...ids} name="title" maxLength={100} dir="auto" autocomplete="off" />}
        </Field>
        <Field label={t("name")} name="name" hint={t("nameHint")} error={errors["name"]}>
          {(ids) => <input {...ids} name="name" maxLength={64} dir="ltr" autocomplete="off" autocapitalize="none" spellcheck={false} />}
        </Field>
        <About errors={errors} />
        <div class="row">
          <button type="submit" class="button accent" disabled={busy}>
            {t("create")}
          </button>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t("close")}
          </button>
        </div>
      </form>
    </dialog>
  );
}

export function ChangeCommunity({ of: one, onChange }: { of: Community; onChange: (changed: Community) => void }) {
  const { form, errors, busy, submit } = useSending(FIELDS, async (data) => onChange(await changeCommunity(one.name, written(data))));
  return (
    <form class="stack" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("titleField")} name="title" error={errors["title"]}>
        {(ids) => <input {...ids} name="title" maxLength={100} defaultValue={one.title} dir="auto" autocomplete="off" />}
      </Field>
      <About of={one} errors={errors} />
      <button type="submit" class="button accent" disabled={busy}>
        {t("save")}
      </button>
    </form>
  );
}

function About({ of: one, errors }: { of?: Community; errors: Record<string, string> }) {
  return (
    <>
      <Field label={t("description")} name="description" error={errors["description"]}>
        {(ids) => <textarea {...ids} name="description" rows={3} maxLength={2000} defaultValue={one?.description} dir="auto" />}
      </Field>
      <Field label={t("rules")} name="rules" error={errors["rules"]}>
        {(ids) => <textarea {...ids} name="rules" rows={3} maxLength={5000} defaultValue={one?.rules} dir="auto" />}
      </Field>
      <Field label={t("access")} name="access" error={errors["access"]}>
        {(ids) => (
          <select {...ids} name="access" defaultValue={one?.access ?? "open"}>
            {ACCESSES.map((access) => (
              <option key={access} value={access} selected={access === (one?.access ?? "open")}>
                {t(access)}
              </option>
            ))}
          </select>
        )}
      </Field>
    </>
  );
}
