/** People as admins find them. */
import { useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { Empty, Field, Spinner } from "../../ui/parts";
import { usePages } from "../../ui/pages";
import { listPeople, type Asked, type Person } from "./calls";
import { PersonItem, ROLES } from "./person";
import { t } from "./words";
import "./directory.css";

const STATES = ["active", "suspended", "leaving"] as const satisfies readonly Person["state"][];

export default function DirectoryPage() {
  const [asked, setAsked] = useState<Asked>({ q: "", role: "", state: "" });
  const { items, next, failure, more, replace } = usePages<Person>((cursor) => listPeople(asked, cursor), [asked.q, asked.role, asked.state]);
  if (failure instanceof ApiError && failure.status === 403) return <Empty title={t("forAdmins")}>{<p>{t("noLeave")}</p>}</Empty>;
  return (
    <div class="directory">
      <Filter onAsk={setAsked} />
      <p class="directory-failure" role="status">
        {failure ? sentence(failure) : ""}
      </p>
      {!items && !failure && <Spinner />}
      {items?.length === 0 && <Empty title={t("none")} />}
      {items && items.length > 0 && (
        <ul class="directory-list" aria-label={t("people")}>
          {items.map((person) => (
            <PersonItem key={person.id} person={person} onChange={replace} />
          ))}
        </ul>
      )}
      {next && (
        <button type="button" class="button" onClick={more}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

function Filter({ onAsk }: { onAsk: (asked: Asked) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const ask = (event?: Event): void => {
    event?.preventDefault();
    const given = new FormData(form.current ?? undefined);
    const text = (name: string): string => String(given.get(name) ?? "").trim();
    onAsk({ q: text("q"), role: text("role"), state: text("state") });
  };
  return (
    <form class="directory-filter" role="search" aria-label={t("filter")} ref={form} onSubmit={ask}>
      <Field label={t("begins")} name="q">
        {(ids) => <input {...ids} name="q" type="search" dir="auto" maxLength={254} autocomplete="off" spellcheck={false} />}
      </Field>
      <Field label={t("role")} name="role">
        {(ids) => (
          <select {...ids} name="role" onChange={() => ask()}>
            <option value="">{t("all")}</option>
            {ROLES.map((role) => (
              <option key={role} value={role}>
                {t(role)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("state")} name="state">
        {(ids) => (
          <select {...ids} name="state" onChange={() => ask()}>
            <option value="">{t("all")}</option>
            {STATES.map((state) => (
              <option key={state} value={state}>
                {t(state)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <button type="submit" class="button">
        {t("show")}
      </button>
    </form>
  );
}
