/** Where a question is written: Enter sends it, Shift and Enter begin a line, Escape stops the answer. */
import { useRef, useState } from "preact/hooks";
import { t } from "./words";

const MOST = 4_000;

export function Composer({ isBusy, send, stop }: { isBusy: boolean; send: (text: string) => void; stop: () => void }) {
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (isBusy || !text.trim()) return;
    send(text.trim());
    setText("");
    field.current?.focus();
  };
  const key = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && isBusy) stop();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  };
  return (
    <form class="assistant-composer" onSubmit={submit}>
      <textarea
        ref={field}
        value={text}
        rows={2}
        maxLength={MOST}
        dir="auto"
        aria-label={t("question")}
        placeholder={t("placeholder")}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={key}
      />
      {isBusy ? (
        <button type="button" class="button" onClick={stop}>
          {t("stop")}
        </button>
      ) : (
        <button class="button accent" disabled={!text.trim()}>
          {t("send")}
        </button>
      )}
    </form>
  );
}
