/** Words that the person does not want to read, for good or for a while. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { when } from "../../ui/format";
import { Spinner } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { hiddenWords, setHiddenWords, type HiddenWord } from "./calls";
import "./people.css";
import { t } from "./words";

const DAY_MS = 86_400_000;
/** How they are called, and how many days they have; 0: for good. */
const SPANS = [
  ["forGood", 0],
  ["forDay", 1],
  ["forWeek", 7],
  ["forMonth", 30],
] as const;

const until = (days: number): string | null => (days ? new Date(Date.now() + days * DAY_MS).toISOString() : null);

export default function HiddenWordsSettings() {
  const [words, setWords] = useState<readonly HiddenWord[] | null>(null);
  const [text, setText] = useState("");
  const [span, setSpan] = useState(0);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => void attempt(() => hiddenWords().then(setWords)), []);
  if (!words) return <Spinner />;

  const change = async (wanted: readonly HiddenWord[]): Promise<boolean> => {
    setBusy(true);
    setFailure("");
    try {
      setWords(await setHiddenWords(wanted));
      toast(t("saved"), "good");
      return true;
    } catch (error) {
      setFailure(sentence(error));
      return false;
    } finally {
      setBusy(false);
      field.current?.focus();
    }
  };
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    const word = text.trim();
    if (!word || busy) return;
    const others = words.filter((one) => one.text !== word);
    if (await change([...others, { text: word, expires_at: until(span) }])) setText("");
  };
  return (
    <section class="panel" aria-labelledby="hidden-words">
      <h2 id="hidden-words">{t("hiddenWords")}</h2>
      <p class="hint" id="hidden-words-hint">
        {t("hiddenWordsHint")}
      </p>
      <form class="row" onSubmit={(event) => void add(event)}>
        <input
          ref={field}
          value={text}
          maxLength={100}
          dir="auto"
          aria-label={t("wordToHide")}
          aria-describedby="hidden-words-hint"
          aria-invalid={Boolean(failure)}
          placeholder={t("wordToHide")}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <select aria-label={t("howLong")} value={span} onChange={(event) => setSpan(Number(event.currentTarget.value))}>
          {SPANS.map(([name, days]) => (
            <option key={name} value={days}>
              {t(name)}
            </option>
          ))}
        </select>
        <button type="submit" class="button accent" disabled={busy || !text.trim()}>
          {t("hideIt")}
        </button>
      </form>
      {failure && (
        <p class="form-error" role="alert">
          {failure}
        </p>
      )}
      {words.length === 0 && <p class="dim">{t("noHiddenWords")}</p>}
      <ul class="people-list">
        {words.map((one) => (
          <li key={one.text}>
            <span>
              <strong dir="auto">{one.text}</strong> {one.expires_at && <span class="dim">{t("hiddenUntil", { when: when(one.expires_at) })}</span>}
            </span>
            <span class="people-acts">
              <button
                type="button"
                class="button"
                disabled={busy}
                aria-label={t("showWord", { word: one.text })}
                onClick={() => void change(words.filter((other) => other !== one))}
              >
                {t("showIt")}
              </button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
