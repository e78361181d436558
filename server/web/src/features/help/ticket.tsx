/** A ticket: how it stands, and what its person or an agent may do with it. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { hear } from "../../realtime/socket";
import { ago } from "../../ui/format";
import { usePages } from "../../ui/pages";
import { Field, PageTitle, useTitle } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { addNote, changeTicket, getTicket, isAgent, notesOf, rateTicket, type Ticket } from "./calls";
import { Macros } from "./macros";
import { Unread } from "./parts";
import { PRIORITIES } from "./tickets";
import { t } from "./words";

interface Changing {
  of: Ticket;
  onChange: (ticket: Ticket) => void;
}

export default function TicketPage({ ticketId }: { ticketId: string }) {
  const [one, setOne] = useState<Ticket | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.subject ?? t("tickets"));
  useEffect(() => {
    const read = (): void => void getTicket(ticketId).then(setOne, setFailure);
    read();
    return hear("help:ticket", ({ ticket_id }) => void (ticket_id === ticketId && read()));
  }, [ticketId, me.value?.id]);
  if (!one) return <Unread failure={failure} title={t("noTicket")} text={t("noTicketText")} />;
  const isIn = [one.requester.id, one.assignee?.id].includes(me.value?.id);
  return (
    <div class="page narrow help">
      <PageTitle>
        <span dir="auto">{one.subject}</span>
      </PageTitle>
      <p>
        <span class="badge">{t(one.state)}</span> {one.is_overdue && <span class="badge badge-live">{t("overdue")}</span>} {t(one.priority)}
        {one.due_at && ` · ${t("due", { when: ago(one.due_at) })}`}
      </p>
      <p class="dim">
        {t("requester")}: <bdi>{one.requester.display_name}</bdi> · {t("assignee")}: <bdi>{one.assignee?.display_name ?? t("nobody")}</bdi>
      </p>
      {one.text && (
        <p class="help-text" dir="auto">
          {one.text}
        </p>
      )}
      {isIn && (
        <a class="button accent" href={`/messages/${one.room_id}`}>
          {t("messages")}
        </a>
      )}
      {isAgent() ? <Agent of={one} onChange={setOne} /> : <Person of={one} onChange={setOne} />}
      {isAgent() && <Macros of={one} onChange={setOne} />}
      {isAgent() && <Notes of={one} />}
    </div>
  );
}

const change = ({ of, onChange }: Changing, body: Parameters<typeof changeTicket>[1]): void => void attempt(() => changeTicket(of.id, body).then(onChange));

function Person(props: Changing) {
  const { of: one } = props;
  const isOver = one.state === "solved" || one.state === "closed";
  return (
    <div class="stack">
      <button type="button" class="button" onClick={() => change(props, { state: isOver ? "open" : "closed" })}>
        {t(isOver ? "reopen" : "close")}
      </button>
      {isOver && <Satisfaction {...props} />}
    </div>
  );
}

function Agent(props: Changing) {
  const { of: one } = props;
  const mine = me.value?.username ?? "";
  return (
    <div class="row">
      {one.assignee?.username !== mine && (
        <button type="button" class="button" onClick={() => change(props, { assignee: mine })}>
          {t("takeIt")}
        </button>
      )}
      <button type="button" class="button" onClick={() => change(props, { state: one.state === "solved" ? "open" : "solved" })}>
        {t(one.state === "solved" ? "reopen" : "solve")}
      </button>
      <select aria-label={t("priority")} onChange={(event) => change(props, { priority: event.currentTarget.value as Ticket["priority"] })}>
        {PRIORITIES.map((each) => (
          <option key={each} value={each} selected={each === one.priority}>
            {t(each)}
          </option>
        ))}
      </select>
    </div>
  );
}

function Satisfaction({ of: one, onChange }: Changing) {
  const { form, errors, busy, submit } = useSending(["score", "text"], async (data) =>
    onChange(await rateTicket(one.id, { score: Number(textOf(data, "score")), text: textOf(data, "text") })),
  );
  if (one.satisfaction) return <p role="status">{t("rated")}</p>;
  return (
    <form class="stack panel" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("score")} name="score" error={errors["score"]}>
        {(ids) => <input {...ids} name="score" type="number" min={1} max={5} defaultValue="5" />}
      </Field>
      <Field label={t("scoreText")} name="text" error={errors["text"]}>
        {(ids) => <textarea {...ids} name="text" rows={2} maxLength={5000} dir="auto" />}
      </Field>
      <button type="submit" class="button" disabled={busy}>
        {t("rate")}
      </button>
    </form>
  );
}

function Notes({ of: one }: { of: Ticket }) {
  const [added, setAdded] = useState(0);
  const { items, next, more } = usePages((cursor) => notesOf(one.id, cursor), [one.id, String(added)]);
  const { form, errors, busy, submit } = useSending(["text"], async (data) => {
    await addNote(one.id, textOf(data, "text"));
    form.current?.reset();
    setAdded((last) => last + 1);
  });
  return (
    <section>
      <h2>{t("notes")}</h2>
      <ul class="help-list">
        {items?.map((note) => (
          <li key={note.id}>
            <p dir="auto" class="help-text">
              {note.text}
            </p>
            <p class="dim">
              <bdi>{note.author.display_name}</bdi> · {ago(note.created_at)}
            </p>
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" class="button more" onClick={more}>
          {t("more")}
        </button>
      )}
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("addNote")} name="text" error={errors["text"]}>
          {(ids) => <textarea {...ids} name="text" rows={2} maxLength={5000} dir="auto" />}
        </Field>
        <button type="submit" class="button" disabled={busy}>
          {t("addNote")}
        </button>
      </form>
    </section>
  );
}
