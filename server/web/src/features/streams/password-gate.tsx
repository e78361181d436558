/** In the place of a broadcast that has a password: who has it gives it, with an account or without. */
import { ApiError } from "../../api/http";
import { me } from "../../api/session";
import { Empty, Field, PageTitle, useTitle } from "../../ui/parts";
import { FormError, Secret, textOf, useSending } from "../../ui/sending";
import { givePassword, givePasswordAsGuest } from "./calls";
import { t } from "./words";

export const needsPassword = (failure: unknown): boolean =>
  failure instanceof ApiError && failure.type.endsWith("/password-required");

export function PasswordGate({ streamId, onOpened }: { streamId: string; onOpened: () => void }) {
  useTitle(t("locked"));
  return (
    <div class="page centred">
      <PageTitle hidden>{t("locked")}</PageTitle>
      <Empty title={t("locked")}>
        <Form streamId={streamId} onOpened={onOpened} />
      </Empty>
    </div>
  );
}

function Form({ streamId, onOpened }: { streamId: string; onOpened: () => void }) {
  const { form, errors, busy, submit } = useSending(["password"], async (data) => {
    await (me.value ? givePassword : givePasswordAsGuest)(streamId, textOf(data, "password"));
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
