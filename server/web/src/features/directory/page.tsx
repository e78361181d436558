/** People as admins find them. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { Empty, Field, Spinner } from "../../ui/parts";
import { listPeople, type Asked, type Person } from "./calls";
import { PersonItem, ROLES } from "./person";
import { t } from "./words";
import "./directory.css";

const STATES = ["active", "suspended", "leaving"] as const satisfies readonly Person["state"][];

export default function DirectoryPage() {
  const [asked, setAsked] = useState<Asked>({ q: "", role: "", state: "" });
  const [items, setItems] = useState<Person[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const latest = useRef(0);
  const ask = async (before: Person[], cursor: string): Promise<void> => {
    const number = ++latest.current;
    try {
      const answer = await listPeople(asked, cursor);
      if (number !== latest.current) return;
      setItems([...before, ...answer.items]);
      setNext(answer.next);
      setFailure(null);
    } catch (error) {
      if (number === latest.current) setFailure(error);
    }
  };
  useEffect(() => {
    setItems(null);
    void ask([], "");
    return () => void latest.current++;
  }, [asked.q, asked.role, asked.state]);
  if (failure instanceof ApiError && failure.status === 403) return <Empty title={t("forAdmins")}>{<p>{t("noLeave")}</p>}</Empty>;
  const replace = (person: Person): void => setItems((shown) => shown && shown.map((one) => (one.id === person.id ? person : one)));
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
        <button type="button" class="button" onClick={() => void ask(items ?? [], next)}>
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
