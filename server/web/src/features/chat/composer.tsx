import { useEffect, useRef, useState } from "preact/hooks";
import type { ChatMessage } from "../../api/types";
import { CloseIcon, SendIcon } from "../../ui/icons";
import { t } from "./words";

const MAX_LENGTH = 500;
const COUNTER_FROM = 400;

interface Props {
  replyTo: ChatMessage | null;
  onCancelReply: () => void;
  onSend: (text: string) => void;
  /** The room asks for patience until then, in performance.now() milliseconds. */
  waitUntil: number;
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

export function Composer({ replyTo, onCancelReply, onSend, waitUntil }: Props) {
  const input = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("");
  const wait = useCountdown(waitUntil);
  const length = [...text].length;
  const ready = text.trim().length > 0 && length <= MAX_LENGTH && wait === 0;

  useEffect(() => {
    if (replyTo) input.current?.focus();
  }, [replyTo]);

  const submit = (): void => {
    if (!ready) return;
    onSend(text.trim());
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
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
      <div class="composer-row">
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
          onInput={(event) => setText(event.currentTarget.value)}
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
