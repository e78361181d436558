/** Who may follow the account, who waits to, and whom its owner has blocked or muted. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me, reloadMe, updateMe } from "../../api/session";
import { hear } from "../../realtime/socket";
import { usePages } from "../../ui/pages";
import { Avatar, Spinner } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { answerRequest, editMe, followRequests, hiddenPeople, showAgain, type Asked, type Hidden } from "./calls";
import type en from "./en";
import "./people.css";
import { t } from "./words";

export default function PrivacySettings() {
  useEffect(() => void reloadMe().catch(() => undefined), []);
  const user = me.value;
  if (!user) return null;
  return (
    <div class="privacy">
      <PrivateAccount isPrivate={user.private} />
      <Requests key={String(user.private)} />
      <HiddenPeople what="blocks" title={t("blockedPeople")} none={t("noneBlocked")} act="unblock" named="unblockIt" done="unblocked" />
      <HiddenPeople what="mutes" title={t("mutedPeople")} none={t("noneMuted")} act="unmute" named="unmuteIt" done="unmuted" />
    </div>
  );
}

function PrivateAccount({ isPrivate }: { isPrivate: boolean }) {
  const [busy, setBusy] = useState(false);
  const change = async (input: HTMLInputElement): Promise<void> => {
    setBusy(true);
    try {
      updateMe(await editMe({ private: input.checked }));
      toast(t("saved"), "good");
    } catch (error) {
      input.checked = isPrivate;
      toast(sentence(error), "bad");
    } finally {
      setBusy(false);
    }
  };
  return (
    <fieldset class="panel choice">
      <legend>{t("privateAccount")}</legend>
      <label>
        <input
          type="checkbox"
          checked={isPrivate}
          disabled={busy}
          aria-describedby="private-hint"
          onChange={(event) => void change(event.currentTarget)}
        />
        <span>{t("approveFollowers")}</span>
      </label>
      <p class="hint" id="private-hint">
        {t(isPrivate ? "privateHint" : "publicHint")}
      </p>
    </fieldset>
  );
}

function Requests() {
  const [arrived, setArrived] = useState(0);
  useEffect(() => hear("notification", ({ kind }) => kind === "follow_request" && setArrived((n) => n + 1)), []);
  return (
    <People title={t("requests")} none={t("noRequests")} read={followRequests} asked={String(arrived)}>
      {(person, settle) => (
        <>
          <button
            type="button"
            class="button accent"
            aria-label={t("approveIt", { name: nameOf(person) })}
            onClick={() => settle(() => answerRequest(person.username, true), t("approved"))}
          >
            {t("approve")}
          </button>
          <button
            type="button"
            class="button"
            aria-label={t("refuseIt", { name: nameOf(person) })}
            onClick={() => settle(() => answerRequest(person.username, false), t("refused"))}
          >
            {t("refuse")}
          </button>
        </>
      )}
    </People>
  );
}

interface HiddenProps {
  what: Hidden;
  title: string;
  none: string;
  act: keyof typeof en & ("unblock" | "unmute");
  named: keyof typeof en & ("unblockIt" | "unmuteIt");
  done: keyof typeof en & ("unblocked" | "unmuted");
}

function HiddenPeople({ what, title, none, act, named, done }: HiddenProps) {
  return (
    <People title={title} none={none} read={(cursor) => hiddenPeople(what, cursor)} asked="">
      {(person, settle) => (
        <button
          type="button"
          class="button"
          aria-label={t(named, { name: nameOf(person) })}
          onClick={() => settle(() => showAgain(what, person.username), t(done))}
        >
          {t(act)}
        </button>
      )}
    </People>
  );
}

const nameOf = (person: Asked): string => person.display_name || person.username;

type Settle = (act: () => Promise<void>, done: string) => void;

interface PeopleProps {
  title: string;
  none: string;
  read: (cursor: string) => ReturnType<typeof followRequests>;
  asked: string;
  children: (person: Asked, settle: Settle) => ComponentChildren;
}

/** A list of people, each with what can be done about them; who was dealt with leaves it. */
function People({ title, none, read, asked, children }: PeopleProps) {
  const { items, next, failure, more } = usePages(read, [asked]);
  const [settled, setSettled] = useState<ReadonlySet<string>>(new Set());
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => setSettled(new Set()), [asked]);
  const settle = (person: Asked): Settle => (act, done) =>
    void attempt(async () => {
      await act();
      setSettled((before) => new Set(before).add(person.id));
      heading.current?.focus(); // the button that had it has gone
    }, done);
  const shown = items?.filter(({ id }) => !settled.has(id));
  return (
    <section class="panel" aria-label={title}>
      <h2 ref={heading} tabIndex={-1}>
        {title}
      </h2>
      {failure ? <p class="form-error">{sentence(failure)}</p> : !shown && <Spinner />}
      {shown?.length === 0 && !next && <p class="dim">{none}</p>}
      {shown && shown.length > 0 && (
        <ul class="people-list">
          {shown.map((person) => (
            <li key={person.id}>
              <a class="people-who" href={`/@${person.username}`}>
                <Avatar of={person} size={40} />
                <span>
                  <strong dir="auto">{nameOf(person)}</strong> <bdi class="dim">@{person.username}</bdi>
                </span>
              </a>
              <span class="people-acts">{children(person, settle(person))}</span>
            </li>
          ))}
        </ul>
      )}
      {next && (
        <button type="button" class="button" onClick={more}>
          {t("more")}
        </button>
      )}
    </section>
  );
}
