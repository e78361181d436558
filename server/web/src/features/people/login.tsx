import { useState } from "preact/hooks";
import { ApiError, OWN_TYPE } from "../../api/http";
import { signIn } from "../../api/session";
import { Logo } from "../../ui/icons";
import { Field, PageTitle, useTitle } from "../../ui/parts";
import { FormError, Password, text, useAway, useForm, withNext } from "./account-form";
import { t } from "./words";

export default function Login() {
  useTitle(t("signIn"));
  useAway();
  const [needsCode, setNeedsCode] = useState(false);
  const { form, errors, busy, submit } = useForm(["login", "password", "totp"], async (data) => {
    try {
      await signIn(text(data, "login"), String(data.get("password") ?? ""), text(data, "totp") || undefined);
    } catch (error) {
      if (error instanceof ApiError && error.type.endsWith("totp-required")) {
        setNeedsCode(true);
        if (!data.get("totp")) throw new ApiError(401, { type: OWN_TYPE, title: t("nowTheCode") });
      }
      throw error;
    }
  });
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{t("welcomeBack")}</PageTitle>
        <FormError text={errors["form"]} />
        <Field label={t("login")} name="login" error={errors["login"]}>
          {(ids) => <input {...ids} name="login" autocomplete="username" autocapitalize="none" spellcheck={false} required />}
        </Field>
        <Field label={t("password")} name="password" error={errors["password"]}>
          {(ids) => <Password {...ids} name="password" autocomplete="current-password" />}
        </Field>
        {needsCode && (
          <Field label={t("code")} name="totp" error={errors["totp"]}>
            {(ids) => <input {...ids} name="totp" inputmode="numeric" autocomplete="one-time-code" />}
          </Field>
        )}
        <button type="submit" class="button accent large" disabled={busy}>
          {busy ? t("signingIn") : t("signIn")}
        </button>
        <p class="account-other">
          <a href="/forgot">{t("forgotten")}</a>
        </p>
        <p class="account-other">
          {t("newHere")} <a href={withNext("/register")}>{t("makeAccount")}</a>
        </p>
      </form>
    </div>
  );
}
