/** Who is in a community; what its owner and moderators may do about them. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { PageList, type Read } from "../../ui/page-list";
import { Avatar, Empty, Field, Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import type { ComponentChildren } from "preact";
import { type Community, type Member, membersOf, type Outsider, type Person, requestsOf, type Role, setBan, setMember, setRole } from "./calls";
import { mayModerate } from "./page";
import { t } from "./words";

const RANKS = { member: 1, moderator: 2, owner: 3 } as const;
const nameOf = (one: Person): string => one.display_name || one.username;

interface PeopleProps<T extends Person> {
  of: string;
  read: Read<T>;
  empty: string;
  label: string;
  children: (one: T) => ComponentChildren;
}

/** A list of people that is read page by page. */
export function People<T extends Person>({ of, read, empty, label, children }: PeopleProps<T>) {
  const [list] = useState(() => new PageList<T>());
  useEffect(() => {
    void list.begin(read);
    return () => list.close();
  }, [of]);
  const { items, next, failure } = list.state.value;
  if (failure) return <Empty title={sentence(failure)} />;
  if (!items) return <Spinner />;
  if (!items.length) return <p class="dim">{empty}</p>;
  return (
    <>
      <ul class="community-people" aria-label={label}>
        {items.map((one) => (
          <li key={one.id}>
            <Avatar of={one} size={40} />
            <span class="community-text">
              <a href={`/@${one.username}`}>
                <bdi>{nameOf(one)}</bdi>
              </a>
              <bdi class="dim">@{one.username}</bdi>
            </span>
            {children(one)}
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" class="button more" onClick={() => void list.more()}>
          {t("more")}
        </button>
      )}
    </>
  );
}

export function Members({ one, onChange }: { one: Community; onChange: () => void }) {
  const [round, setRound] = useState(0);
  const act = (what: () => Promise<void>): void =>
    void attempt(async () => {
      await what();
      setRound((last) => last + 1);
      onChange();
    });
  const of = `${one.id}/${round}`;
  return (
    <>
      {mayModerate(one) && one.access === "approval" && (
        <section aria-labelledby="community-requests">
          <h2 id="community-requests" class="shelf-title">
            {t("requests")}
          </h2>
          <People of={of} read={(cursor) => requestsOf(one.name, cursor)} empty={t("noRequests")} label={t("requests")}>
            {(person) => <Answers name={one.name} person={person} act={act} />}
          </People>
        </section>
      )}
      {mayModerate(one) && <Invite one={one} />}
      <h2 class="shelf-title">{t("people")}</h2>
      <People of={of} read={(cursor) => membersOf(one.name, cursor)} empty={t("nobody")} label={t("people")}>
        {(person) => <Standing one={one} person={person} act={act} />}
      </People>
    </>
  );
}

type Act = (what: () => Promise<void>) => void;

function Answers({ name, person, act }: { name: string; person: Outsider; act: Act }) {
  const who = nameOf(person);
  return (
    <span class="row">
      <button type="button" class="button accent" aria-label={t("letInIt", { name: who })} onClick={() => act(() => setMember(name, person.username, true))}>
        {t("letIn")}
      </button>
      <button type="button" class="button" aria-label={t("refuseIt", { name: who })} onClick={() => act(() => setMember(name, person.username, false))}>
        {t("refuse")}
      </button>
    </span>
  );
}

function Standing({ one, person, act }: { one: Community; person: Member; act: Act }) {
  const mine = one.viewer?.role ?? "member";
  const who = nameOf(person);
  const isBelow = RANKS[mine] > RANKS[person.role] && mayModerate(one) && person.id !== me.value?.id;
  const give = (role: Role): void => {
    if (role !== "owner" || confirm(t("handOver", { name: who }))) act(() => setRole(one.name, person.username, role));
  };
  const ban = (): void => {
    const reason = prompt(t("banWhy", { name: who }));
    if (reason !== null) act(() => setBan(one.name, person.username, true, reason));
  };
  return (
    <span class="row">
      {mine === "owner" && isBelow ? (
        <select aria-label={t("roleOf", { name: who })} value={person.role} onChange={(event) => give(event.currentTarget.value as Role)}>
          {(["member", "moderator", "owner"] as const).map((role) => (
            <option key={role} value={role}>
              {t(role)}
            </option>
          ))}
        </select>
      ) : (
        person.role !== "member" && <span class="tag">{t(person.role)}</span>
      )}
      {isBelow && (
        <>
          <button type="button" class="button" aria-label={t("removeIt", { name: who })} onClick={() => act(() => setMember(one.name, person.username, false))}>
            {t("remove")}
          </button>
          <button type="button" class="button danger" aria-label={t("banIt", { name: who })} onClick={ban}>
            {t("ban")}
          </button>
        </>
      )}
    </span>
  );
}

function Invite({ one }: { one: Community }) {
  const { form, errors, busy, submit } = useSending(["username"], async (data) => {
    await setMember(one.name, textOf(data, "username").trim().replace(/^@/, ""), true);
    form.current?.reset();
    toast(t("invited"), "good");
  });
  return (
    <form class="community-invite" ref={form} onSubmit={submit} noValidate aria-label={t("inviteTitle")}>
      <FormError text={errors["form"]} />
      <Field label={t("inviteField")} name="username" error={errors["username"]}>
        {(ids) => <input {...ids} name="username" maxLength={31} autocomplete="off" autocapitalize="none" spellcheck={false} dir="ltr" />}
      </Field>
      <button type="submit" class="button" disabled={busy}>
        {t("inviteIt")}
      </button>
    </form>
  );
}
