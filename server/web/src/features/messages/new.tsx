import { useEffect, useRef, useState } from "preact/hooks";
import { navigate } from "../../router";
import { Field } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { beginConversation } from "./calls";
import { PeopleField } from "./people-field";
import { refreshSoon } from "./store";
import { t } from "./words";

export function NewConversation({ onDone }: { onDone: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [people, setPeople] = useState<string[]>([]);
  useEffect(() => dialog.current?.showModal(), []);
  const { form, errors, busy, submit } = useSending(["people", "title"], async (data) => {
    const title = textOf(data, "title").trim();
    const typed = textOf(data, "people").trim().replace(/^@/, "");
    const asked = typed && !people.includes(typed) ? [...people, typed] : people;
    const made = await beginConversation({ people: asked, ...(title && { title }) });
    refreshSoon();
    dialog.current?.close();
    navigate(`/messages/${made.id}`);
  });
  return (
    <dialog class="dialog" ref={dialog} onClose={onDone} aria-labelledby="new-conversation">
      <h2 id="new-conversation">{t("begin")}</h2>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <PeopleField people={people} onChange={setPeople} error={errors["people"]} />
        <Field label={t("groupTitle")} name="title" hint={t("groupHint")} error={errors["title"]}>
          {(ids) => <input {...ids} name="title" maxLength={100} autocomplete="off" dir="auto" />}
        </Field>
        <div class="row">
          <button type="submit" class="button accent" disabled={busy}>
            {t("start")}
          </button>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t("close")}
          </button>
        </div>
      </form>
    </dialog>
  );
}
