/** In the place of a broadcast that has a password: a person who is signed in may give it. */
import { ApiError } from "../../api/http";
import { me } from "../../api/session";
import { loginPath } from "../../router";
import { Empty, Field, PageTitle, useTitle } from "../../ui/parts";
import { FormError, Secret, textOf, useSending } from "../../ui/sending";
import { givePassword } from "./calls";
import { t } from "./words";

export const needsPassword = (failure: unknown): boolean =>
  failure instanceof ApiError && failure.type.endsWith("/password-required");

export function PasswordGate({ streamId, onOpened }: { streamId: string; onOpened: () => void }) {
  useTitle(t("locked"));
  return (
    <div class="page centred">
      <PageTitle hidden>{t("locked")}</PageTitle>
      <Empty title={t("locked")}>{me.value ? <Form streamId={streamId} onOpened={onOpened} /> : <SignIn />}</Empty>
    </div>
  );
}

function SignIn() {
  return (
    <>
      <p>{t("lockedSignIn")}</p>
      <a class="button accent" href={loginPath()}>
        {t("signIn")}
      </a>
    </>
  );
}

function Form({ streamId, onOpened }: { streamId: string; onOpened: () => void }) {
  const { form, errors, busy, submit } = useSending(["password"], async (data) => {
    await givePassword(streamId, textOf(data, "password"));
    onOpened();
  });
  return (
    <form class="stream-form" ref={form} onSubmit={submit} noValidate>
      <p>{t("lockedText")}</p>
      <FormError text={errors["form"]} />
      <Field label={t("password")} name="password" error={errors["password"]}>
        {(ids) => <Secret {...ids} name="password" autocomplete="off" />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("open")}
      </button>
    </form>
  );
}
