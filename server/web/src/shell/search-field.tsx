/** The field that searches from everywhere: a combobox with a list (ARIA APG), whose list are suggestions as one types. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { call } from "../api/session";
import type { Answer } from "../api/types";
import { navigate, path, query } from "../router";
import { SearchIcon } from "../ui/icons";
import { Avatar } from "../ui/parts";
import "./search-field.css";
import { t } from "./words";

type Suggestion = Answer<"suggest">["items"][number];

const PAUSE_MS = 150;
const MAX_WORDS = 200;

/** Suggestions for the latest text; none while there is no text, or the server has none. */
function useSuggestions(text: string): Suggestion[] {
  const [found, setFound] = useState<Suggestion[]>([]);
  useEffect(() => {
    const wanted = text.trim();
    if (!wanted) return setFound([]);
    const abort = new AbortController();
    const timer = setTimeout(() => {
      call<Answer<"suggest">>(`/search/suggest?${new URLSearchParams({ q: wanted })}`, { signal: abort.signal }).then(
        ({ items }) => setFound(items),
        () => abort.signal.aborted || setFound([]),
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  return found;
}

const place = ({ person, text }: Suggestion): string =>
  person ? `/@${person.username}` : `/search?${new URLSearchParams({ q: text })}`;

export function SearchField() {
  const words = path.value === "/search" ? (new URLSearchParams(query.value).get("q") ?? "") : "";
  const [text, setText] = useState(words);
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const found = useSuggestions(typed);
  const shown = open && found.length > 0;
  useEffect(() => setText(words), [words]);
  useEffect(() => setAt(-1), [found]);

  const leave = (to: string): void => {
    setOpen(false);
    setTyped("");
    input.current?.blur();
    navigate(to);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const chosen = shown ? found[at] : undefined;
    if (chosen) return leave(place(chosen));
    if (text.trim()) leave(`/search?${new URLSearchParams({ q: text.trim() })}`);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    const last = found.length - 1;
    if (event.key === "Escape" && shown) setOpen(false);
    else if (event.key === "ArrowDown" && found.length) setAt(shown && at < last ? at + 1 : shown ? -1 : 0);
    else if (event.key === "ArrowUp" && shown) setAt(at < 0 ? last : at - 1);
    else return;
    if (event.key !== "Escape") setOpen(true);
    event.preventDefault();
  };
  return (
    <search class="top-search">
      <form action="/search" onSubmit={submit}>
        <SearchIcon />
        <label class="visually-hidden" for="search-words">
          {t("search")}
        </label>
        <input
          ref={input}
          id="search-words"
          name="q"
          type="text"
          inputmode="search"
          role="combobox"
          aria-autocomplete="list"
          aria-expanded={shown}
          aria-controls={`${id}-list`}
          aria-activedescendant={shown && at >= 0 ? `${id}-${at}` : undefined}
          dir="auto"
          maxLength={MAX_WORDS}
          value={text}
          placeholder={t("search")}
          enterkeyhint="search"
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setTyped(event.currentTarget.value);
            setOpen(true);
          }}
          onKeyDown={press}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
        />
        <ul id={`${id}-list`} class="top-suggestions" role="listbox" aria-label={t("suggestions")} hidden={!shown}>
          {found.map((one, index) => (
            <li
              key={`${one.kind} ${one.text}`}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => leave(place(one))}
            >
              <SuggestionText of={one} />
            </li>
          ))}
        </ul>
      </form>
    </search>
  );
}

function SuggestionText({ of: { person, text } }: { of: Suggestion }) {
  if (!person) return <bdi>{text}</bdi>;
  return (
    <>
      <Avatar of={person} size={28} />
      <bdi>{person.display_name || person.username}</bdi> <bdi class="dim">@{person.username}</bdi>
    </>
  );
}
