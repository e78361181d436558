import { useState } from "preact/hooks";
import { Logo } from "../../ui/icons";
import { Field, PageTitle, useTitle } from "../../ui/parts";
import { forgot } from "./calls";
import { FormError, useSending } from "../../ui/sending";
import { t } from "./words";

export default function Forgot() {
  useTitle(t("forgotten"));
  const [done, setDone] = useState(false);
  const { form, errors, busy, submit } = useSending(["email"], async (data) => {
    await forgot(String(data.get("email") ?? "").trim());
    setDone(true);
  });
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{t("forgotten")}</PageTitle>
        <FormError text={errors["form"]} />
        <p role="status">{done ? t("linkSent") : t("forgottenText")}</p>
        {!done && (
          <>
            <Field label={t("email")} name="email" error={errors["email"]}>
              {(ids) => <input {...ids} name="email" type="email" autocomplete="email" required />}
            </Field>
            <button type="submit" class="button accent large" disabled={busy}>
              {busy ? t("sending") : t("sendLink")}
            </button>
          </>
        )}
        <p class="account-other">
          <a href="/login">{t("backToSignIn")}</a>
        </p>
      </form>
    </div>
  );
}
