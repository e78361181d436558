/** Answers that agents keep ready: one is sent as the agent's own message, and the ticket changes with it. */
import { useEffect, useState } from "preact/hooks";
import { randomId } from "../../api/locks";
import { me } from "../../api/session";
import { ask, connect } from "../../realtime/socket";
import { attempt } from "../../ui/sending";
import { changeTicket, type Macro, macrosOf, type Ticket } from "./calls";
import { filled } from "./macro-text";
import { t } from "./words";

export function Macros({ of: one, onChange }: { of: Ticket; onChange: (ticket: Ticket) => void }) {
  const [macros, setMacros] = useState<Macro[]>([]);
  useEffect(() => void attempt(() => macrosOf().then(setMacros)), []);
  const send = async (macro: Macro): Promise<void> => {
    connect();
    const mine = me.value?.username ?? "";
    if (one.assignee?.username !== mine) await changeTicket(one.id, { assignee: mine });
    await ask("chat:send", { room_id: one.room_id, text: filled(macro.text, one), client_id: randomId() });
    const body = { ...(macro.state && { state: macro.state }), ...(macro.priority && { priority: macro.priority }) };
    onChange(await changeTicket(one.id, body));
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
              <button type="button" class="button" onClick={() => void attempt(() => send(macro), t("macroSent"))}>
                {macro.state ? t("sendMacroAnd", { state: t(macro.state) }) : t("sendMacro")}
              </button>
            </details>
          </li>
        ))}
      </ul>
      <a href="/help/macros">{t("editMacros")}</a>
    </section>
  );
}
