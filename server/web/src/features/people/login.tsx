import { useEffect, useState } from "preact/hooks";
import { ApiError, OWN_TYPE, sentence } from "../../api/http";
import { signIn, signInByCode } from "../../api/session";
import { Logo } from "../../ui/icons";
import { Field, PageTitle, useTitle } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { failureWords, takeFragment } from "../factors/failures";
import { goOn, Password, trimmed, useAway, withNext } from "./account-form";
import { OtherWays } from "./ways";
import { t } from "./words";
import "./people.css";

/** What a provider's callback led here with. */
interface Callback {
  code: string | null;
  failure: string;
}

function takeCallback(): Callback {
  const found = takeFragment();
  const error = found.get("error");
  return { code: found.get("code"), failure: error === null ? "" : failureWords(error) };
}

export default function Login() {
  useTitle(t("signIn"));
  const [callback, setCallback] = useState(takeCallback);
  useAway();
  const fail = (failure: string): void => setCallback({ code: null, failure });
  if (callback.code !== null) return <ByCode code={callback.code} onFailure={fail} />;
  return <ByPassword failure={callback.failure} onFailure={fail} />;
}

interface Failing {
  onFailure: (words: string) => void;
}

const isCodeDue = (error: unknown): boolean => error instanceof ApiError && error.code === "totp-required";
const isUsedUp = (error: unknown): boolean => error instanceof ApiError && error.code === "code-invalid";

function ByPassword({ failure, onFailure }: Failing & { failure: string }) {
  const [needsCode, setNeedsCode] = useState(false);
  const { form, errors, busy, submit } = useSending(["login", "password", "totp"], async (data) => {
    onFailure("");
    try {
      await signIn(trimmed(data, "login"), textOf(data, "password"), trimmed(data, "totp") || undefined);
    } catch (error) {
      if (isCodeDue(error)) setNeedsCode(true);
      if (isCodeDue(error) && !trimmed(data, "totp")) throw new ApiError(401, { type: OWN_TYPE, title: t("nowTheCode") });
      throw error;
    }
    goOn();
  });
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{t("welcomeBack")}</PageTitle>
        <FormError text={failure || errors["form"]} />
        <Field label={t("login")} name="login" error={errors["login"]}>
          {(ids) => <input {...ids} name="login" autocomplete="username webauthn" autocapitalize="none" spellcheck={false} required />}
        </Field>
        <Field label={t("password")} name="password" error={errors["password"]}>
          {(ids) => <Password {...ids} name="password" autocomplete="current-password" />}
        </Field>
        {needsCode && <CodeField error={errors["totp"]} />}
        <button type="submit" class="button accent large" disabled={busy}>
          {busy ? t("signingIn") : t("signIn")}
        </button>
        <OtherWays onFailure={onFailure} />
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

/** The rest of a sign-in by a provider: the code of its callback, and one of the app where it is due. */
function ByCode({ code, onFailure }: Failing & { code: string }) {
  const [needsCode, setNeedsCode] = useState(false);
  const { form, errors, busy, submit } = useSending(["totp"], async (data) => {
    try {
      await signInByCode(code, trimmed(data, "totp"));
    } catch (error) {
      if (isUsedUp(error)) onFailure(t("tooLate"));
      throw error;
    }
    goOn();
  });
  useEffect(() => {
    const begin = async (): Promise<void> => {
      try {
        await signInByCode(code);
        goOn();
      } catch (error) {
        if (isCodeDue(error)) setNeedsCode(true);
        else onFailure(isUsedUp(error) ? t("tooLate") : sentence(error));
      }
    };
    void begin();
  }, []);
  useEffect(() => form.current?.querySelector("input")?.focus(), [needsCode]);
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{t("welcomeBack")}</PageTitle>
        <FormError text={errors["form"]} />
        <p role="status">{needsCode ? t("nowTheCode") : t("signingIn")}</p>
        {needsCode && <CodeField error={errors["totp"]} />}
        {needsCode && (
          <button type="submit" class="button accent large" disabled={busy}>
            {busy ? t("signingIn") : t("signIn")}
          </button>
        )}
        <p class="account-other">
          <button type="button" class="button large" onClick={() => onFailure("")}>
            {t("otherWays")}
          </button>
        </p>
      </form>
    </div>
  );
}

function CodeField({ error }: { error: string | undefined }) {
  return (
    <Field label={t("code")} name="totp" error={error} hint={t("codeHint")}>
      {(ids) => <input {...ids} name="totp" dir="ltr" autocapitalize="none" autocomplete="one-time-code" spellcheck={false} />}
    </Field>
  );
}
