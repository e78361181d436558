/** A person in a room: who they are, what they wrote here, and for moderators what is noted of them. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { clock, when } from "../../ui/format";
import { CloseIcon } from "../../ui/icons";
import { Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { addNote, type Card as Shown, type Note, readCard, removeNote } from "./conduct-calls";
import type { RowAction } from "./log";
import type { Looks } from "./looks";
import { t } from "./words";
import { Badges, Written } from "./written";

interface Props {
  roomId: string;
  userId: string;
  badges: readonly string[];
  looks: Looks;
  actions: RowAction[];
  onClose: () => void;
}

export function Card({ roomId, userId, badges, looks, actions, onClose }: Props) {
  const [card, setCard] = useState<Shown | null>(null);
  const [failure, setFailure] = useState("");
  const heading = useRef<HTMLHeadingElement>(null);
  const load = (): Promise<void> => readCard(roomId, userId).then(setCard);
  useEffect(() => {
    setCard(null);
    load().catch((error: unknown) => setFailure(sentence(error)));
    heading.current?.focus();
  }, [roomId, userId]);
  return (
    <section class="chat-thread" aria-labelledby="chat-card" onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <header>
        <h3 id="chat-card" ref={heading} tabIndex={-1}>
          <Badges names={badges} drawn={looks.badges} />
          {card ? <bdi>{card.user.display_name}</bdi> : t("card")}
        </h3>
        <button type="button" class="icon-button small" aria-label={t("closeCard")} onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      {failure ? <p class="form-error">{failure}</p> : !card && <Spinner />}
      {card && (
        <>
          <About card={card} />
          <p class="chat-card-acts">
            {actions.map(({ label, act }) => (
              <button key={label} type="button" onClick={act}>
                {label}
              </button>
            ))}
          </p>
          {card.notes && <Notes roomId={roomId} userId={userId} notes={card.notes} onChange={load} />}
          <h4>{t("wroteHere")}</h4>
          {card.messages.length === 0 && <p class="dim">{t("wroteNothing")}</p>}
          <ol>
            {card.messages.map((message) => (
              <li key={message.id}>
                <time dateTime={message.sent_at}>{clock(message.sent_at)}</time> <Written text={message.text} emotes={looks.emotes} />
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function About({ card }: { card: Shown }) {
  const { user, following_since, created_at, sanction } = card;
  return (
    <>
      <p>
        <a href={`/@${encodeURIComponent(user.username)}`}>@{user.username}</a>{" "}
        <span class="dim">
          {t("joinedOn", { date: when(created_at) })} {following_since && t("followsSince", { date: when(following_since) })}
        </span>
      </p>
      {sanction && (
        <p>
          {sanction.until ? t("silentUntil", { date: when(sanction.until) }) : t("isBanned")} <bdi>{sanction.reason}</bdi>
        </p>
      )}
    </>
  );
}

interface NotesProps {
  roomId: string;
  userId: string;
  notes: Note[];
  onChange: () => Promise<void>;
}

function Notes({ roomId, userId, notes, onChange }: NotesProps) {
  const { form, errors, busy, submit } = useSending(["text"], async (data) => {
    await addNote(roomId, userId, textOf(data, "text"));
    form.current?.reset();
    await onChange();
  });
  const remove = (id: string): Promise<void> => attempt(() => removeNote(roomId, id).then(onChange));
  return (
    <>
      <h4>{t("notes")}</h4>
      <ul>
        {notes.map((note) => (
          <li key={note.id}>
            <bdi>{note.text}</bdi>{" "}
            <span class="dim">
              <bdi>{note.author.display_name}</bdi>
            </span>{" "}
            <button type="button" aria-label={t("removeNote", { text: note.text })} onClick={() => void remove(note.id)}>
              {t("delete")}
            </button>
          </li>
        ))}
      </ul>
      <form class="chat-card-note" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"] ?? errors["text"]} />
        <input name="text" maxLength={500} aria-label={t("newNote")} placeholder={t("newNote")} autocomplete="off" dir="auto" required />
        <button type="submit" disabled={busy}>
          {t("addNote")}
        </button>
      </form>
    </>
  );
}
