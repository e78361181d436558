import { useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { Logo } from "../../ui/icons";
import { Field, PageTitle, useTitle } from "../../ui/parts";
import { reset, tokenOf } from "./calls";
import { FormError, useSending } from "../../ui/sending";
import { Password } from "../people/account-form";
import { t } from "./words";

type State = "asked" | "done" | "void";

export default function Reset() {
  useTitle(t("chooseNew"));
  const [token] = useState(tokenOf(location.hash));
  const [state, setState] = useState<State>(token ? "asked" : "void");
  const { form, errors, busy, submit } = useSending(["password"], async (data) => {
    try {
      await reset(token, String(data.get("password") ?? ""));
      setState("done");
    } catch (error) {
      if (!(error instanceof ApiError) || !error.type.endsWith("link-invalid")) throw error;
      setState("void");
    }
  });
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{state === "void" ? t("noLink") : t("chooseNew")}</PageTitle>
        <FormError text={errors["form"]} />
        {state === "asked" && (
          <>
            <Field label={t("newPassword")} name="password" error={errors["password"]} hint={t("passwordHint")}>
              {(ids) => <Password {...ids} name="password" autocomplete="new-password" />}
            </Field>
            <button type="submit" class="button accent large" disabled={busy}>
              {busy ? t("sending") : t("setPassword")}
            </button>
          </>
        )}
        {state === "done" && <p role="status">{t("passwordSet")}</p>}
        {state === "done" && (
          <a class="button accent large" href="/login">
            {t("signIn")}
          </a>
        )}
        {state === "void" && <p role="alert">{t("noLinkText")}</p>}
        {state === "void" && (
          <a class="button large" href="/forgot">
            {t("sendLink")}
          </a>
        )}
      </form>
    </div>
  );
}
