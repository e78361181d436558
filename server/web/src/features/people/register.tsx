import { register } from "../../api/session";
import { Logo } from "../../ui/icons";
import { Field, PageTitle, useTitle } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { goOn, Password, trimmed, useAway, withNext } from "./account-form";
import { t } from "./words";

export default function Register() {
  useTitle(t("signUp"));
  useAway();
  const { form, errors, busy, submit } = useSending(["username", "email", "password"], async (data) => {
    await register(trimmed(data, "username"), trimmed(data, "email"), textOf(data, "password"));
    goOn();
  });
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{t("join")}</PageTitle>
        <FormError text={errors["form"]} />
        <Field label={t("username")} name="username" error={errors["username"]} hint={t("usernameHint", { address: "/@username" })}>
          {(ids) => <input {...ids} name="username" autocomplete="username" autocapitalize="none" spellcheck={false} required />}
        </Field>
        <Field label={t("email")} name="email" error={errors["email"]}>
          {(ids) => <input {...ids} name="email" type="email" autocomplete="email" required />}
        </Field>
        <Field label={t("password")} name="password" error={errors["password"]} hint={t("passwordHint")}>
          {(ids) => <Password {...ids} name="password" autocomplete="new-password" />}
        </Field>
        <button type="submit" class="button accent large" disabled={busy}>
          {busy ? t("makingAccount") : t("makeAccount")}
        </button>
        <p class="account-other">
          {t("beenHere")} <a href={withNext("/login")}>{t("signIn")}</a>
        </p>
      </form>
    </div>
  );
}
