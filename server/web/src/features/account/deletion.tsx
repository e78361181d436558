/** The settings of the account as a whole: its deletion, and until when that is taken back. */
import { useEffect, useState } from "preact/hooks";
import { leave, me } from "../../api/session";
import { navigate } from "../../router";
import { Field } from "../../ui/parts";
import { FormError, Secret, textOf, useSending } from "../../ui/sending";
import { proved, Reauthentication } from "../factors/reauthentication";
import { deleteMe, graceDays } from "./calls";
import { t } from "./words";
import "./account.css";

const DAY_MS = 86_400_000;

export default function Deletion() {
  const user = me.value;
  const [days, setDays] = useState<number | null>(null);
  const [isSure, setSure] = useState(false);
  useEffect(() => void graceDays().then(setDays, () => undefined), []);
  if (!user) return null;
  return (
    <section class="panel" aria-labelledby="deletion">
      <h2 id="deletion">{t("deletion")}</h2>
      <p>{t("deletionText")}</p>
      <ul class="deletion-list">
        <li>{t("deletionHides")}</li>
        <li>{t("deletionEnds")}</li>
        {days !== null && <li>{days > 0 ? t("deletionGrace", { n: days }) : t("deletionAtOnce")}</li>}
        <li>{t("deletionFinal")}</li>
      </ul>
      <p>
        <a href="/settings/data">{t("exportFirst")}</a>
      </p>
      {isSure ? <Confirmation hasPassword={user.has_password} days={days ?? 0} onCancel={() => setSure(false)} /> : <Begin onBegin={() => setSure(true)} />}
      <Reauthentication />
    </section>
  );
}

function Begin({ onBegin }: { onBegin: () => void }) {
  return (
    <div class="row">
      <button type="button" class="button danger" onClick={onBegin}>
        {t("deleteAccount")}
      </button>
    </div>
  );
}

interface ConfirmationProps {
  hasPassword: boolean;
  days: number;
  onCancel: () => void;
}

function Confirmation({ hasPassword, days, onCancel }: ConfirmationProps) {
  const { form, errors, busy, submit } = useSending(["password"], async (data) => {
    const password = hasPassword ? textOf(data, "deletion_password") : null;
    await leave(async () => {
      await proved(() => deleteMe(password));
      const until = new Date(Date.now() + days * DAY_MS).toISOString();
      navigate(days > 0 ? `/goodbye#until=${until}` : "/goodbye");
    });
  });
  return (
    <form class="deletion-form" ref={form} onSubmit={submit} noValidate aria-label={t("deleteAccount")}>
      <FormError text={errors["form"]} />
      <p role="status">{hasPassword ? t("deletionSure") : t("deletionSureNoPassword")}</p>
      {hasPassword && (
        <Field label={t("currentPassword")} name="deletion_password" error={errors["password"]}>
          {(ids) => <Secret {...ids} name="deletion_password" autocomplete="current-password" />}
        </Field>
      )}
      <div class="row">
        <button type="submit" class="button danger" disabled={busy}>
          {t("deleteForGood")}
        </button>
        <button type="button" class="button" onClick={onCancel}>
          {t("keepAccount")}
        </button>
      </div>
    </form>
  );
}
