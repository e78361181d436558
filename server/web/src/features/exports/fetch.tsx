/** Fetches an archive by the link in the mail, for the person whom it was sent to. */
import { useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { me } from "../../api/session";
import { Logo } from "../../ui/icons";
import { PageTitle, useTitle } from "../../ui/parts";
import { FormError, useSending } from "../../ui/sending";
import { tokenOf } from "../account/calls";
import { redeem } from "./calls";
import { t } from "./words";

type State = "asked" | "done" | "void";

export default function FetchArchive() {
  useTitle(t("fetchTitle"));
  const [token] = useState(tokenOf(location.hash));
  const [state, setState] = useState<State>(token ? "asked" : "void");
  const { form, errors, busy, submit } = useSending([], async () => {
    try {
      location.assign((await redeem(token)).url);
      setState("done");
    } catch (error) {
      if (!(error instanceof ApiError) || ![404, 422].includes(error.status)) throw error;
      setState("void");
    }
  });
  const isGuest = !me.value && state === "asked";
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{state === "void" ? t("void") : t("fetchTitle")}</PageTitle>
        <FormError text={errors["form"]} />
        {isGuest && <p>{t("signInFirst")}</p>}
        {isGuest && (
          <a class="button accent large" href="/login">
            {t("signIn")}
          </a>
        )}
        {!isGuest && state === "asked" && <p>{t("fetchText")}</p>}
        {!isGuest && state === "asked" && (
          <button type="submit" class="button accent large" disabled={busy}>
            {t("fetchIt")}
          </button>
        )}
        {state === "done" && <p role="status">{t("fetching")}</p>}
        {state === "void" && <p role="alert">{t("voidText")}</p>}
        {state !== "asked" && (
          <a class="button large" href="/settings/data">
            {t("toSettings")}
          </a>
        )}
      </form>
    </div>
  );
}
