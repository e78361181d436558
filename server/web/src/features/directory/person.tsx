/** One person of the list, and what an admin may change about them. */
import { useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { ago, month, when } from "../../ui/format";
import { Field } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { changePerson, type Person, type Role } from "./calls";
import { t } from "./words";

export const ROLES = ["viewer", "creator", "moderator", "support", "admin"] as const satisfies readonly Role[];

interface PersonProps {
  person: Person;
  onChange: (person: Person) => void;
}

export function PersonItem({ person, onChange }: PersonProps) {
  const [open, setOpen] = useState(false);
  const id = `person-${person.id}`;
  const isOther = person.id !== me.value?.id && person.state !== "leaving";
  return (
    <li class="panel directory-item" aria-labelledby={id}>
      <header class="directory-head">
        <h2 id={id}>
          <a href={`/@${person.username}`}>
            <bdi>{person.display_name || person.username}</bdi>
          </a>{" "}
          <bdi class="dim">@{person.username}</bdi>
        </h2>
        <span class={`badge directory-${person.state}`}>{t(person.state)}</span>
      </header>
      <p class="dim">
        <bdi>{person.email}</bdi> · {t("since", { month: month(person.created_at) })} ·{" "}
        {person.last_seen_at ? t("lastSeen", { ago: ago(person.last_seen_at) }) : t("neverSeen")}
        {person.suspended_until && ` · ${t("until", { time: when(person.suspended_until) })}`}
      </p>
      <p>{person.roles.map((role) => t(role as Role)).join(" · ")}</p>
      {isOther && (
        <button
          type="button"
          class="button"
          aria-expanded={open}
          aria-label={open ? undefined : t("changeIt", { name: `@${person.username}` })}
          onClick={() => setOpen(!open)}
        >
          {open ? t("close") : t("change")}
        </button>
      )}
      {open && isOther && <Change person={person} onChange={onChange} />}
    </li>
  );
}

function Change({ person, onChange }: PersonProps) {
  const [busy, setBusy] = useState(false);
  const send = async (body: Parameters<typeof changePerson>[1]): Promise<void> => {
    setBusy(true);
    try {
      onChange(await changePerson(person.id, body));
      toast(t("changed", { name: `@${person.username}` }), "good");
    } catch (error) {
      toast(sentence(error), "bad");
    } finally {
      setBusy(false);
    }
  };
  const act = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const reason = String(given.get("reason") ?? "");
    const until = String(given.get("until") ?? "");
    const born = String(given.get("born") ?? "");
    const what = (event.submitter as HTMLButtonElement | null)?.value;
    if (what === "roles") void send({ roles: given.getAll("roles") as Role[], reason });
    else if (what === "back") void send({ suspended_until: null, reason });
    else if (what === "born" && born) void send({ birth_date: born, reason });
    else if (what === "suspend" && until) void send({ suspended_until: new Date(until).toISOString(), reason });
    else form.querySelector<HTMLInputElement>(what === "born" ? "[name=born]" : "[name=until]")?.focus();
  };
  return (
    <form class="directory-change" onSubmit={act}>
      <fieldset>
        <legend>{t("rolesOf", { name: `@${person.username}` })}</legend>
        {ROLES.map((role) => (
          <label key={role}>
            <input type="checkbox" name="roles" value={role} defaultChecked={person.roles.includes(role)} disabled={role === "viewer"} /> {t(role)}
          </label>
        ))}
      </fieldset>
      <Field label={t("suspendUntil")} name={`until-${person.id}`}>
        {(ids) => <input {...ids} name="until" type="datetime-local" />}
      </Field>
      <Field label={t("birthDate")} name={`born-${person.id}`} hint={t("birthDateHint")}>
        {(ids) => <input {...ids} name="born" type="date" />}
      </Field>
      <Field label={t("reason")} name={`reason-${person.id}`} hint={t("reasonHint")}>
        {(ids) => <input {...ids} name="reason" maxLength={500} dir="auto" />}
      </Field>
      <p class="directory-acts">
        <button type="submit" class="button" value="roles" disabled={busy}>
          {t("saveRoles")}
        </button>
        <button type="submit" class="button" value="born" disabled={busy}>
          {t("correctBirthDate")}
        </button>
        <button type="submit" class="button danger" value="suspend" disabled={busy}>
          {t("suspend")}
        </button>
        {person.state === "suspended" && (
          <button type="submit" class="button" value="back" disabled={busy}>
            {t("letBackIn")}
          </button>
        )}
      </p>
    </form>
  );
}
