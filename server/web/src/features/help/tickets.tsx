/** One's tickets, or to agents everybody's; and a new one. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { hear } from "../../realtime/socket";
import { loginPath, navigate } from "../../router";
import { ago } from "../../ui/format";
import { usePages } from "../../ui/pages";
import { Empty, Field, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { isAgent, listTickets, openTicket, type Priority, type Ticket } from "./calls";
import { t } from "./words";
import "./help.css";

export const PRIORITIES = ["low", "normal", "high", "urgent"] as const satisfies readonly Priority[];

export const STATES = ["open", "pending", "solved", "closed"] as const satisfies readonly Ticket["state"][];

export default function TicketsPage() {
  const [state, setState] = useState("");
  const [changes, setChanges] = useState(0);
  useTitle(t("tickets"));
  useEffect(() => {
    if (!me.value) navigate(loginPath(), true);
    return hear("help:ticket", () => setChanges((last) => last + 1));
  }, []);
  const { items, next, failure, more } = usePages((cursor) => listTickets(state, cursor), [state, String(changes), me.value?.id ?? ""]);
  return (
    <div class="page narrow help">
      <PageTitle>{t("tickets")}</PageTitle>
      {isAgent() ? <a href="/help/macros">{t("editMacros")}</a> : <NewTicket />}
      <select class="help-filter" aria-label={t("state")} onChange={(event) => setState(event.currentTarget.value)}>
        <option value="">{t("all")}</option>
        {STATES.map((one) => (
          <option key={one} value={one}>
            {t(one)}
          </option>
        ))}
      </select>
      {!items && !failure && <Spinner />}
      {Boolean(failure) && (
        <Empty title={sentence(failure)}>
          <button type="button" class="button" onClick={more}>
            {t("retry")}
          </button>
        </Empty>
      )}
      {items?.length === 0 && <Empty title={t("noTickets")} />}
      <ul class="help-list">
        {items?.map((one) => (
          <TicketRow key={one.id} of={one} />
        ))}
      </ul>
      {next && !failure && (
        <button type="button" class="button more" onClick={more}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

function TicketRow({ of: one }: { of: Ticket }) {
  return (
    <li>
      <a href={`/help/tickets/${one.id}`}>
        <strong dir="auto">{one.subject}</strong>
      </a>
      <p class="dim">
        <span class="badge">{t(one.state)}</span> {one.is_overdue && <span class="badge badge-live">{t("overdue")}</span>} {t(one.priority)} ·{" "}
        <bdi>{one.requester.display_name}</bdi> · {ago(one.changed_at)}
      </p>
    </li>
  );
}

function NewTicket() {
  const { form, errors, busy, submit } = useSending(["subject", "text", "priority"], async (data) => {
    const made = await openTicket({ subject: textOf(data, "subject"), text: textOf(data, "text"), priority: textOf(data, "priority") as Priority });
    navigate(`/help/tickets/${made.id}`);
  });
  return (
    <form class="stack panel" ref={form} onSubmit={submit} noValidate>
      <h2>{t("ask")}</h2>
      <FormError text={errors["form"]} />
      <Field label={t("subject")} name="subject" error={errors["subject"]}>
        {(ids) => <input {...ids} name="subject" maxLength={150} dir="auto" />}
      </Field>
      <Field label={t("text")} name="text" error={errors["text"]}>
        {(ids) => <textarea {...ids} name="text" rows={4} maxLength={5000} dir="auto" />}
      </Field>
      <Field label={t("priority")} name="priority" error={errors["priority"]}>
        {(ids) => (
          <select {...ids} name="priority">
            {PRIORITIES.map((one) => (
              <option key={one} value={one} selected={one === "normal"}>
                {t(one)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("send")}
      </button>
    </form>
  );
}
