/** The answers that agents keep ready: made, changed and deleted, for all agents together. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { Empty, Field, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { deleteMacro, isAgent, type Macro, type MacroBody, macrosOf, makeMacro, putMacro } from "./calls";
import { PRIORITIES, STATES } from "./tickets";
import { t } from "./words";
import "./help.css";

export default function MacrosPage() {
  const [macros, setMacros] = useState<Macro[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(t("macros"));
  const read = async (): Promise<void> => {
    setFailure(null);
    await macrosOf().then(setMacros, setFailure);
  };
  useEffect(() => {
    if (!me.value) navigate(loginPath(), true);
    else if (isAgent()) void read();
  }, [me.value?.id]);
  if (!isAgent()) return <Empty title={t("forAgents")} />;
  return (
    <div class="page narrow help">
      <PageTitle>{t("macros")}</PageTitle>
      {Boolean(failure) && (
        <Empty title={sentence(failure)}>
          <button type="button" class="button" onClick={() => void read()}>
            {t("retry")}
          </button>
        </Empty>
      )}
      {!macros && !failure && <Spinner />}
      {macros?.length === 0 && <p class="dim">{t("noMacros")}</p>}
      <ul class="help-list">
        {macros?.map((macro) => (
          <li key={macro.id}>
            <details>
              <summary dir="auto">{macro.title}</summary>
              <MacroForm of={macro} onSend={(body) => putMacro(macro.id, body).then(read)} button={t("saveMacro")} />
              <Remove of={macro} onDone={read} />
            </details>
          </li>
        ))}
      </ul>
      <section class="panel">
        <h2>{t("newMacro")}</h2>
        <MacroForm onSend={(body) => makeMacro(body).then(read)} button={t("newMacro")} />
      </section>
    </div>
  );
}

function Remove({ of: { id, title }, onDone }: { of: Macro; onDone: () => Promise<void> }) {
  const remove = (): void => {
    if (confirm(t("deleteMacroSure", { title }))) void attempt(() => deleteMacro(id).then(onDone));
  };
  return (
    <button type="button" class="button" onClick={remove} aria-label={t("deleteMacro", { title })}>
      {t("remove")}
    </button>
  );
}

function MacroForm({ of: one, onSend, button }: { of?: Macro; onSend: (body: MacroBody) => Promise<unknown>; button: string }) {
  const { form, errors, busy, submit } = useSending(["title", "text", "state", "priority"], async (data) => {
    const state = STATES.find((each) => each === textOf(data, "state")) ?? null;
    const priority = PRIORITIES.find((each) => each === textOf(data, "priority")) ?? null;
    await onSend({ title: textOf(data, "title"), text: textOf(data, "text"), state, priority });
    if (!one) form.current?.reset();
  });
  return (
    <form class="stack" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("macroTitle")} name="title" error={errors["title"]}>
        {(ids) => <input {...ids} name="title" maxLength={150} dir="auto" autocomplete="off" defaultValue={one?.title ?? ""} />}
      </Field>
      <Field label={t("macroText")} name="text" error={errors["text"]} hint={t("macroHint", { name: "{name}", subject: "{subject}" })}>
        {(ids) => <textarea {...ids} name="text" rows={4} maxLength={5000} dir="auto" defaultValue={one?.text ?? ""} />}
      </Field>
      <Field label={t("macroState")} name="state" error={errors["state"]}>
        {(ids) => <Choice ids={ids} name="state" of={STATES} chosen={one?.state} />}
      </Field>
      <Field label={t("macroPriority")} name="priority" error={errors["priority"]}>
        {(ids) => <Choice ids={ids} name="priority" of={PRIORITIES} chosen={one?.priority} />}
      </Field>
      <button type="submit" class="button" disabled={busy}>
        {button}
      </button>
    </form>
  );
}

type Word = (typeof STATES)[number] | (typeof PRIORITIES)[number];

function Choice({ ids, name, of: all, chosen }: { ids: object; name: string; of: readonly Word[]; chosen: Word | null | undefined }) {
  return (
    <select {...ids} name={name}>
      <option value="">{t("asItIs")}</option>
      {all.map((each) => (
        <option key={each} value={each} selected={each === chosen}>
          {t(each)}
        </option>
      ))}
    </select>
  );
}
