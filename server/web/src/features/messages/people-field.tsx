/** Usernames, completed from the people whom one follows: a combobox with the chosen ones before it (ARIA APG). */
import { useEffect, useId, useState } from "preact/hooks";
import { me } from "../../api/session";
import { CloseIcon } from "../../ui/icons";
import { Avatar, Field } from "../../ui/parts";
import { type Followed, followedBy } from "./calls";
import { nameOf } from "./names";
import { t } from "./words";

interface Props {
  people: string[];
  onChange: (people: string[]) => void;
  error: string | undefined;
}

const MOST_OFFERED = 6;

const fits = ({ username, display_name }: Followed, typed: string): boolean =>
  [username, display_name].some((name) => name.toLocaleLowerCase().startsWith(typed.toLocaleLowerCase()));

export function PeopleField({ people, onChange, error }: Props) {
  const [followed, setFollowed] = useState<Followed[]>([]);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();
  useEffect(() => {
    if (me.value) followedBy(me.value.username).then(setFollowed, () => undefined);
  }, []);
  const word = typed.trim().replace(/^@/, "");
  const offered = word ? followed.filter((one) => fits(one, word) && !people.includes(one.username)).slice(0, MOST_OFFERED) : [];
  const add = (username: string): void => {
    if (username && !people.includes(username)) onChange([...people, username]);
    setTyped("");
    setAt(0);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (event.isComposing) return;
    if (step && offered.length) setAt((at + step + offered.length) % offered.length);
    else if (["Enter", ",", " "].includes(event.key) && word) add(offered[at]?.username ?? word);
    else if (event.key === "Backspace" && !typed) onChange(people.slice(0, -1));
    else if (event.key === "Escape" && typed) setTyped("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="people-field">
      {people.length > 0 && (
        <ul>
          {people.map((username) => (
            <li key={username}>
              <bdi>@{username}</bdi>
              <button type="button" class="icon-button small" aria-label={t("takeOut", { name: username })} onClick={() => onChange(people.filter((one) => one !== username))}>
                <CloseIcon />
              </button>
            </li>
          ))}
        </ul>
      )}
      <Field label={t("to")} name="people" hint={t("toHint")} error={error}>
        {(ids) => (
          <input
            {...ids}
            name="people"
            value={typed}
            role="combobox"
            aria-autocomplete="list"
            aria-expanded={offered.length > 0}
            aria-controls={`${id}-offered`}
            aria-activedescendant={offered.length ? `${id}-${at}` : undefined}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            dir="auto"
            onInput={(event) => {
              setTyped(event.currentTarget.value);
              setAt(0);
            }}
            onBlur={() => !offered.length && add(word)}
            onKeyDown={onKeyDown}
          />
        )}
      </Field>
      <ul id={`${id}-offered`} class="people-offered" role="listbox" aria-label={t("to")} hidden={!offered.length}>
        {offered.map((one, index) => (
          <li key={one.id} id={`${id}-${index}`} role="option" aria-selected={index === at} onPointerDown={(event) => event.preventDefault()} onClick={() => add(one.username)}>
            <Avatar of={one} size={28} /> <bdi>{nameOf(one)}</bdi> <bdi class="dim">@{one.username}</bdi>
          </li>
        ))}
      </ul>
      <p class="visually-hidden" role="status">
        {word && t("found", { n: offered.length })}
      </p>
    </div>
  );
}
