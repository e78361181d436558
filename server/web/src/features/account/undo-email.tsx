/** Takes a change of the e-mail address back, by the link in the mail to the address of before. */
import { useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { Logo } from "../../ui/icons";
import { PageTitle, useTitle } from "../../ui/parts";
import { FormError, useSending } from "../../ui/sending";
import { tokenOf, undoEmail } from "./calls";
import { t } from "./words";

type State = "asked" | "done" | "void";

const TITLES = { asked: "undoTitle", done: "undone", void: "noLink" } as const satisfies Record<State, string>;

export default function UndoEmail() {
  useTitle(t("undoTitle"));
  const [token] = useState(tokenOf(location.hash));
  const [state, setState] = useState<State>(token ? "asked" : "void");
  const { form, errors, busy, submit } = useSending([], async () => {
    try {
      await undoEmail(token);
      setState("done");
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 422) throw error;
      setState("void");
    }
  });
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{t(TITLES[state])}</PageTitle>
        <FormError text={errors["form"]} />
        {state === "asked" && <p>{t("undoText")}</p>}
        {state === "asked" && (
          <button type="submit" class="button accent large" disabled={busy}>
            {t("undoIt")}
          </button>
        )}
        {state === "done" && <p role="status">{t("undoneText")}</p>}
        {state === "void" && <p role="alert">{t("noLinkText")}</p>}
        {state === "void" && (
          <a class="button large" href="/forgot">
            {t("forgotten")}
          </a>
        )}
      </form>
    </div>
  );
}
