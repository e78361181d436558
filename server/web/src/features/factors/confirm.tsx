/** Links a provider by the token of a mail, once the person says so. */
import { useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { me } from "../../api/session";
import { Logo } from "../../ui/icons";
import { PageTitle, useTitle } from "../../ui/parts";
import { FormError, useSending } from "../../ui/sending";
import { confirmLink } from "./calls";
import { failureWords, takeFragment } from "./failures";
import { t } from "./words";

type State = "asked" | "done" | "void";

const TITLES = { asked: "confirmTitle", done: "confirmed", void: "confirmVoid" } as const satisfies Record<State, string>;

export default function Confirm() {
  useTitle(t("confirmTitle"));
  const [token] = useState(() => takeFragment().get("token") ?? "");
  const [state, setState] = useState<State>(token ? "asked" : "void");
  const [why, setWhy] = useState(t("confirmVoidText"));
  const { form, errors, busy, submit } = useSending([], async () => {
    try {
      await confirmLink(token);
      setState("done");
    } catch (error) {
      if (!(error instanceof ApiError) || ![409, 422].includes(error.status)) throw error;
      if (error.status === 409) setWhy(failureWords(error.code));
      setState("void");
    }
  });
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{t(TITLES[state])}</PageTitle>
        <FormError text={errors["form"]} />
        {state === "asked" && <p>{t("confirmText")}</p>}
        {state === "asked" && (
          <button type="submit" class="button accent large" disabled={busy}>
            {t("confirmIt")}
          </button>
        )}
        {state === "done" && <p role="status">{t("confirmedText")}</p>}
        {state === "void" && <p role="alert">{why}</p>}
        {state !== "asked" && (
          <a class="button large" href={me.value ? "/settings/security" : "/login"}>
            {me.value ? t("toSecurity") : t("toSignIn")}
          </a>
        )}
      </form>
    </div>
  );
}
