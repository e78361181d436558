/** What may not be written: the owner's filter or the server's, with a box to try a message in. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { Field, Spinner } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { readFilter, tryMessage, writeFilter, type Filter, type Verdict, type Whose } from "./calls";
import type en from "./en";
import { actionOf, linesOf, wordsFrom, wordsOf } from "./lines";
import { t } from "./words";

const ROWS = 6;
const MAX_TEXT = 500;

interface Props {
  whose: Whose;
  title: string;
  text: string;
}

function filterOf(data: FormData): Filter {
  return {
    words: wordsFrom(textOf(data, "refused"), textOf(data, "held")),
    links: { allowed: linesOf(textOf(data, "allowed")), action: actionOf(textOf(data, "links")) },
    repeats: actionOf(textOf(data, "repeats")),
    capitals: actionOf(textOf(data, "capitals")),
  };
}

export function FilterForm({ whose, title, text }: Props) {
  const [filter, setFilter] = useState<Filter | null>(null);
  const { form, errors, busy, submit } = useSending(["words", "allowed"], async (data) => {
    setFilter(await writeFilter(whose, filterOf(data)));
    toast(t("saved"), "good");
  });
  useEffect(() => {
    readFilter(whose).then(setFilter, (error: unknown) => toast(sentence(error), "bad"));
  }, [whose]);
  if (!filter) return <Spinner />;
  const draft = (): Filter => (form.current ? filterOf(new FormData(form.current)) : filter);
  return (
    <div class="stream-form">
      <form class="panel" ref={form} onSubmit={submit} noValidate aria-label={title}>
        <h2>{title}</h2>
        <p class="dim">{text}</p>
        <FormError text={errors["form"]} />
        <Lines name="refused" label={t("refused")} value={wordsOf(filter, "refuse")} hint={t("wordsHint")} error={errors["words"]} />
        <Lines name="held" label={t("held")} value={wordsOf(filter, "hold")} />
        <div class="two">
          <Choice name="links" value={filter.links?.action} />
          <Choice name="repeats" value={filter.repeats} hint={t("repeatsHint")} />
          <Choice name="capitals" value={filter.capitals} />
        </div>
        <Lines
          name="allowed"
          label={t("allowed")}
          value={(filter.links?.allowed ?? []).join("\n")}
          hint={t("allowedHint")}
          error={errors["allowed"]}
        />
        <button type="submit" class="button accent" disabled={busy}>
          {t("save")}
        </button>
      </form>
      <Trial whose={whose} draft={draft} />
    </div>
  );
}

interface LinesProps {
  name: string;
  label: string;
  value: string;
  hint?: string;
  error?: string | undefined;
}

function Lines({ name, label, value, hint, error }: LinesProps) {
  return (
    <Field label={label} name={name} hint={hint} error={error}>
      {(ids) => <textarea {...ids} name={name} rows={ROWS} defaultValue={value} dir="auto" spellcheck={false} autocomplete="off" />}
    </Field>
  );
}

function Choice({ name, value, hint }: { name: "links" | "repeats" | "capitals"; value: string | null | undefined; hint?: string }) {
  return (
    <Field label={t(name)} name={name} hint={hint}>
      {(ids) => (
        <select {...ids} name={name} defaultValue={value ?? ""}>
          <option value="">{t("nothing")}</option>
          <option value="hold">{t("hold")}</option>
          <option value="refuse">{t("refuse")}</option>
        </select>
      )}
    </Field>
  );
}

const REASONS = {
  word: "reasonWord",
  link: "reasonLink",
  repeats: "reasonRepeats",
  capitals: "reasonCapitals",
  judge: "reasonJudge",
} as const satisfies Record<string, keyof typeof en>;

function outcome({ action, reason }: Verdict): string {
  const named = reason ? t(REASONS[reason]) : "";
  if (action === "allow") return t("wouldAllow");
  return t(action === "refuse" ? "wouldRefuse" : "wouldHold", { reason: named });
}

function Trial({ whose, draft }: { whose: Whose; draft: () => Filter }) {
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const { form, errors, busy, submit } = useSending(["text"], async (data) => {
    setVerdict(null);
    setVerdict(await tryMessage(whose, textOf(data, "text"), draft()));
  });
  return (
    <form class="panel" ref={form} onSubmit={submit} noValidate aria-label={t("tryTitle")}>
      <h2>{t("tryTitle")}</h2>
      <p class="dim">{t("tryText")}</p>
      <FormError text={errors["form"]} />
      <Field label={t("message")} name="text" error={errors["text"]}>
        {(ids) => <input {...ids} name="text" maxLength={MAX_TEXT} dir="auto" autocomplete="off" required />}
      </Field>
      <button type="submit" class="button" disabled={busy}>
        {t("tryIt")}
      </button>
      <p role="status">{verdict && outcome(verdict)}</p>
    </form>
  );
}
