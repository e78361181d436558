/** Appeals that wait for an answer of a moderator who has not acted. */
import { useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { when } from "../../ui/format";
import { Empty, Field, Spinner } from "../../ui/parts";
import { usePages } from "../../ui/pages";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { decideAppeal, listAppeals, type Appeal } from "./calls";
import { t } from "./words";
import "./safety.css";

export default function Appeals() {
  const [turn, setTurn] = useState(0);
  const { items, next, failure, more } = usePages<Appeal>(listAppeals, [String(turn)]);
  if (failure instanceof ApiError && failure.status === 403) return <Empty title={t("forModerators")}>{<p>{t("noLeave")}</p>}</Empty>;
  if (failure) return <Empty title={sentence(failure)} />;
  if (!items) return <Spinner />;
  if (!items.length) return <Empty title={t("noAppeals")} />;
  return (
    <>
      <ul class="cases-list" aria-label={t("appealsWait")}>
        {items.map((one) => (
          <Item key={one.id} one={one} onDecided={() => setTurn(turn + 1)} />
        ))}
      </ul>
      {next && (
        <button type="button" class="button" onClick={more}>
          {t("more")}
        </button>
      )}
    </>
  );
}

function Item({ one, onDecided }: { one: Appeal; onDecided: () => void }) {
  const { form, errors, busy, submit } = useSending(["note", "overturn"], async (data) => {
    await decideAppeal(one.id, { overturn: textOf(data, "overturn") === "yes", note: textOf(data, "note").trim() });
    toast(t("answered"), "good");
    onDecided();
  });
  return (
    <li class="panel case">
      <p>
        <b>{t(one.action)}</b> · {t(one.kind)} · {t(one.rule)} · <bdi>@{one.person.username}</bdi> · {t("due", { when: when(one.due_at) })}
      </p>
      <blockquote class="case-text" dir="auto">
        {String(one.evidence["text"] ?? one.evidence["title"] ?? "")}
      </blockquote>
      <p dir="auto">{one.reason}</p>
      <p dir="auto">
        <q>{one.text}</q>
      </p>
      {one.may_decide ? (
        <form class="stack" ref={form} onSubmit={submit} noValidate>
          <FormError text={errors["form"]} />
          <fieldset class="case-actions">
            <legend>{t("act")}</legend>
            <label>
              <input type="radio" name="overturn" value="no" defaultChecked /> {t("uphold")}
            </label>
            <label>
              <input type="radio" name="overturn" value="yes" /> {t("overturn")}
            </label>
          </fieldset>
          <Field label={t("note")} name="note" error={errors["note"]}>
            {(ids) => <textarea {...ids} name="note" rows={2} maxLength={2000} required dir="auto" />}
          </Field>
          <button type="submit" class="button accent" disabled={busy}>
            {t("act")}
          </button>
        </form>
      ) : (
        <p class="dim">{t("yours")}</p>
      )}
    </li>
  );
}
