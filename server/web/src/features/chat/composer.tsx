import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChatMessage } from "../../api/types";
import { CloseIcon, SendIcon } from "../../ui/icons";
import { completions, USAGE } from "./commands";
import type { Emotes } from "./emotes";
import { t } from "./words";

const MAX_LENGTH = 500;
const COUNTER_FROM = 400;

interface Props {
  replyTo: ChatMessage | null;
  onCancelReply: () => void;
  onSend: (text: string) => void;
  /** The room asks for patience until then, in performance.now() milliseconds. */
  waitUntil: number;
  /** The usernames of people who write here, the latest first. */
  names: () => string[];
  emotes: Emotes;
  mayModerate: boolean;
  /** A message whose text is replaced by what is sent. */
  editing?: ChatMessage | null;
  onCancelEdit?: () => void;
  onTyping?: () => void;
  /** What is sent besides the text, above the field, and the button that adds to it. */
  more?: ComponentChildren;
  adding?: ComponentChildren;
  /** What is sent besides makes a message without text. */
  mayBeEmpty?: boolean;
  isHeld?: boolean;
}

/** What the last word becomes; of a command, how it is written. */
function suggestion(completed: string): string {
  const last = completed.trim().split(/\s/).at(-1) ?? "";
  return USAGE[last.slice(1)] && completed.startsWith("/") ? (USAGE[last.slice(1)] ?? last) : last;
}

function Suggested({ word, emotes }: { word: string; emotes: Emotes }) {
  const url = /^:+(.+):$/.test(word) ? emotes.get(word.split(":").at(-2) ?? "") : undefined;
  return (
    <>
      {url && <img class="emote" src={url} alt="" width={28} height={28} />} <bdi>{word}</bdi>
    </>
  );
}

function useCountdown(until: number): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const update = (): void => setLeft(Math.max(0, Math.ceil((until - performance.now()) / 1000)));
    update();
    const timer = setInterval(update, 250);
    const stop = setTimeout(() => clearInterval(timer), Math.max(0, until - performance.now()) + 500);
    return () => {
      clearInterval(timer);
      clearTimeout(stop);
    };
  }, [until]);
  return left;
}

export function Composer({ replyTo, onCancelReply, onSend, waitUntil, names, emotes, mayModerate, editing = null, onCancelEdit, onTyping, more, adding, mayBeEmpty = false, isHeld = false }: Props) {
  const input = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const [offered, setOffered] = useState<string[]>([]);
  const wait = useCountdown(waitUntil);
  const length = [...text].length;
  const ready = (text.trim().length > 0 || mayBeEmpty) && length <= MAX_LENGTH && wait === 0 && !isHeld;

  useEffect(() => {
    if (replyTo) input.current?.focus();
  }, [replyTo]);

  useEffect(() => {
    if (!editing) return;
    write(editing.text);
    input.current?.focus();
  }, [editing]);

  const submit = (): void => {
    if (!ready) return;
    onSend(text.trim());
    write("");
  };
  const write = (written: string): void => {
    setText(written);
    setChosen(0);
    setOffered(completions(written, { names, emotes: emotes.keys(), mayModerate }));
  };
  const stopEditing = (): void => {
    write("");
    onCancelEdit?.();
  };
  const complete = (completed: string | undefined): void => {
    if (completed) write(completed);
    input.current?.focus();
  };
  /** Keys that the suggestions take; false for all others. */
  const choose = (event: KeyboardEvent): boolean => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!offered.length || event.isComposing) return false;
    if (step) setChosen((chosen + step + offered.length) % offered.length);
    else if (event.key === "Tab") complete(offered[chosen]);
    else if (event.key === "Escape") setOffered([]);
    else return false;
    return true;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (choose(event)) return event.preventDefault();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && editing) {
      stopEditing();
    } else if (event.key === "Escape" && replyTo) {
      onCancelReply();
    }
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {replyTo && (
        <p class="composer-reply">
          <span>
            {t.rich("replyingTo", { name: <strong>{replyTo.user.display_name}</strong>, text: replyTo.text })}
          </span>
          <button type="button" class="icon-button small" aria-label={t("cancelReply")} onClick={onCancelReply}>
            <CloseIcon />
          </button>
        </p>
      )}
      {editing && (
        <p class="composer-reply">
          <span>{t("editing")}</span>
          <button type="button" class="icon-button small" aria-label={t("cancelEdit")} onClick={stopEditing}>
            <CloseIcon />
          </button>
        </p>
      )}
      {offered.length > 0 && (
        <ul id="chat-suggestions" class="composer-suggestions" role="listbox" aria-label={t("suggestions")}>
          {offered.map((completed, at) => (
            <li key={completed} id={`chat-suggestion-${at}`} role="option" aria-selected={at === chosen} onClick={() => complete(completed)}>
              <Suggested word={suggestion(completed)} emotes={emotes} />
            </li>
          ))}
        </ul>
      )}
      <p class="visually-hidden" role="status">
        {offered.length > 0 && t("offered", { n: offered.length })}
      </p>
      {more}
      <div class="composer-row">
        {adding}
        <label class="visually-hidden" for="chat-text">
          {t("message")}
        </label>
        <textarea
          id="chat-text"
          ref={input}
          rows={1}
          value={text}
          placeholder={t("placeholder")}
          enterkeyhint="send"
          autocomplete="off"
          aria-invalid={length > MAX_LENGTH}
          // The keys and names of a combobox; a field of several lines may not have its role (ARIA in HTML).
          aria-haspopup="listbox"
          aria-controls={offered.length ? "chat-suggestions" : undefined}
          aria-activedescendant={offered.length ? `chat-suggestion-${chosen}` : undefined}
          aria-autocomplete="list"
          onInput={(event) => {
            write(event.currentTarget.value);
            onTyping?.();
          }}
          onKeyDown={onKeyDown}
        />
        <button type="submit" class="icon-button accent" aria-label={t("send")} disabled={!ready}>
          {wait > 0 ? <span class="composer-wait">{wait}</span> : <SendIcon />}
        </button>
      </div>
      {wait > 0 && (
        <p class="composer-note" role="status">
          {t("slower", { n: wait })}
        </p>
      )}
      {length > COUNTER_FROM && (
        <p class={`composer-note${length > MAX_LENGTH ? " bad" : ""}`}>
          {length} / {MAX_LENGTH}
        </p>
      )}
    </form>
  );
}
