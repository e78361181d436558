/** Answers that agents keep ready: one is sent as the agent's own message, and the ticket changes with it. */
import { useEffect, useState } from "preact/hooks";
import { randomId } from "../../api/locks";
import { me } from "../../api/session";
import { ask, connect } from "../../realtime/socket";
import { Field } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { changeTicket, deleteMacro, type Macro, macrosOf, makeMacro, type Ticket } from "./calls";
import { filled } from "./macro-text";
import { t } from "./words";

const AFTER = ["pending", "solved", "closed"] as const;

export function Macros({ of: one, onChange }: { of: Ticket; onChange: (ticket: Ticket) => void }) {
  const [macros, setMacros] = useState<Macro[]>([]);
  const read = async (): Promise<void> => setMacros(await macrosOf());
  useEffect(() => void attempt(read), []);
  const send = async (macro: Macro): Promise<void> => {
    connect();
    const mine = me.value?.username ?? "";
    if (one.assignee?.username !== mine) await changeTicket(one.id, { assignee: mine });
    await ask("chat:send", { room_id: one.room_id, text: filled(macro.text, one), client_id: randomId() });
    const body = { ...(macro.state && { state: macro.state }), ...(macro.priority && { priority: macro.priority }) };
    onChange(await changeTicket(one.id, body));
  };
  const remove = (macro: Macro): void => {
    if (confirm(t("deleteMacroSure", { title: macro.title }))) void attempt(() => deleteMacro(macro.id).then(read));
  };
  return (
    <section>
      <h2>{t("macros")}</h2>
      {macros.length === 0 && <p class="dim">{t("noMacros")}</p>}
      <ul class="help-list">
        {macros.map((macro) => (
          <li key={macro.id}>
            <details>
              <summary dir="auto">{macro.title}</summary>
              <p class="help-text" dir="auto">
                {filled(macro.text, one)}
              </p>
              <div class="row">
                <button type="button" class="button" onClick={() => void attempt(() => send(macro), t("macroSent"))}>
                  {macro.state ? t("sendMacroAnd", { state: t(macro.state) }) : t("sendMacro")}
                </button>
                <button type="button" class="button" onClick={() => remove(macro)} aria-label={t("deleteMacro", { title: macro.title })}>
                  {t("remove")}
                </button>
              </div>
            </details>
          </li>
        ))}
      </ul>
      <NewMacro made={read} />
    </section>
  );
}

function NewMacro({ made }: { made: () => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["title", "text"], async (data) => {
    const state = AFTER.find((each) => each === textOf(data, "state")) ?? null;
    await makeMacro({ title: textOf(data, "title"), text: textOf(data, "text"), state });
    form.current?.reset();
    await made();
  });
  return (
    <details>
      <summary>{t("newMacro")}</summary>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("macroTitle")} name="title" error={errors["title"]}>
          {(ids) => <input {...ids} name="title" maxLength={150} dir="auto" autocomplete="off" />}
        </Field>
        <Field label={t("macroText")} name="text" error={errors["text"]} hint={t("macroHint", { name: "{name}", subject: "{subject}" })}>
          {(ids) => <textarea {...ids} name="text" rows={3} maxLength={5000} dir="auto" />}
        </Field>
        <Field label={t("macroState")} name="state">
          {(ids) => (
            <select {...ids} name="state">
              <option value="">{t("asItIs")}</option>
              {AFTER.map((each) => (
                <option key={each} value={each}>
                  {t(each)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <button type="submit" class="button" disabled={busy}>
          {t("newMacro")}
        </button>
      </form>
    </details>
  );
}
