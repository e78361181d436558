/** The form that opens a poll or a prediction. */
import { useEffect, useRef, useState } from "preact/hooks";
import { randomId } from "../../api/locks";
import { sentence } from "../../api/http";
import { ask } from "../../realtime/socket";
import { toast } from "../../ui/toasts";
import { t } from "./words";

export type Kind = "poll" | "prediction";

const MOST = 10;
const MAX_QUESTION = 200;
const MAX_CHOICE = 80;
const TIMES = [30, 60, 120, 300, 600];

interface Props {
  kind: Kind;
  roomId: string;
  onDone: () => void;
}

export function Create({ kind, roomId, onDone }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const clientId = useRef(randomId());
  const [question, setQuestion] = useState("");
  const [choices, setChoices] = useState(["", ""]);
  const [seconds, setSeconds] = useState(60);
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const label = kind === "poll" ? "option" : "outcome";
  const start = async (): Promise<void> => {
    const given = choices.map((choice) => choice.trim()).filter(Boolean);
    const body = { room_id: roomId, question: question.trim(), seconds, client_id: clientId.current };
    setBusy(true);
    try {
      if (kind === "poll") await ask("poll:create", { ...body, options: given });
      else await ask("prediction:create", { ...body, outcomes: given });
      dialog.current?.close();
    } catch (error) {
      toast(sentence(error), "bad");
      setBusy(false);
    }
  };
  return (
    <dialog class="dialog" ref={dialog} onClose={onDone} aria-labelledby="create-title">
      <h2 id="create-title">{t(kind === "poll" ? "newPollTitle" : "newPredictionTitle")}</h2>
      <form
        class="stream-form"
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <div class="field">
          <label for="create-question">{t("question")}</label>
          <input id="create-question" required maxLength={MAX_QUESTION} value={question} dir="auto" onInput={(event) => setQuestion(event.currentTarget.value)} />
        </div>
        {choices.map((choice, n) => (
          <div class="field" key={n}>
            <label for={`create-choice-${n}`}>{t(label, { n: n + 1 })}</label>
            <input
              id={`create-choice-${n}`}
              required={n < 2}
              maxLength={MAX_CHOICE}
              value={choice}
              dir="auto"
              onInput={(event) => {
                const { value } = event.currentTarget;
                setChoices((before) => before.map((one, at) => (at === n ? value : one)));
              }}
            />
          </div>
        ))}
        {choices.length < MOST && (
          <button type="button" class="button small" onClick={() => setChoices((before) => [...before, ""])}>
            {t("addOption")}
          </button>
        )}
        <div class="field">
          <label for="create-time">{t("time")}</label>
          <select id="create-time" value={seconds} onChange={(event) => setSeconds(Number(event.currentTarget.value))}>
            {TIMES.map((time) => (
              <option key={time} value={time}>
                {time < 60 ? t("seconds", { n: time }) : t("minutes", { n: time / 60 })}
              </option>
            ))}
          </select>
        </div>
        <div class="row">
          <button type="submit" class="button accent" disabled={busy}>
            {t("start")}
          </button>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t("cancel")}
          </button>
        </div>
      </form>
    </dialog>
  );
}
