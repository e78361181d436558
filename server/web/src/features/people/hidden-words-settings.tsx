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
const SPANS = { forGood: null, forDay: DAY_MS, forWeek: 7 * DAY_MS, forMonth: 30 * DAY_MS } as const;
type Span = keyof typeof SPANS;

const until = (span: Span): string | null => {
  const ms = SPANS[span];
  return ms === null ? null : new Date(Date.now() + ms).toISOString();
};

export default function HiddenWordsSettings() {
  const [words, setWords] = useState<readonly HiddenWord[] | null>(null);
  const [text, setText] = useState("");
  const [span, setSpan] = useState<Span>("forGood");
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
        <select aria-label={t("howLong")} value={span} onChange={(event) => setSpan(event.currentTarget.value as Span)}>
          {(Object.keys(SPANS) as Span[]).map((one) => (
            <option key={one} value={one}>
              {t(one)}
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
