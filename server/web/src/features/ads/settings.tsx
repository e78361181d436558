/** What one consents to as a viewer, what one shows as a creator, and the way to one's campaigns. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { Empty, Field, Spinner } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { creatorChoice, preferences, putCreatorChoice, putPreferences, type CreatorChoice, type Preferences } from "./calls";
import { Labels, labelsIn, wordsIn } from "./labels";
import { t } from "./words";
import "./ads.css";

export default function AdSettings() {
  const [viewer, setViewer] = useState<Preferences | null>(null);
  const [creator, setCreator] = useState<CreatorChoice | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => {
    preferences().then(setViewer, setFailure);
    creatorChoice().then(setCreator, setFailure);
  }, []);
  if (failure) return <Empty title={sentence(failure)} />;
  if (!viewer || !creator) return <Spinner />;
  return (
    <div class="ads-page">
      <Consent of={viewer} onChange={setViewer} />
      <Showing of={creator} onChange={setCreator} />
      <p>
        <a href="/ads">{t("toDesk")}</a>
      </p>
    </div>
  );
}

function Consent({ of: one, onChange }: { of: Preferences; onChange: (one: Preferences) => void }) {
  const { form, errors, busy, submit } = useSending(["interests"], async (data) => {
    onChange(await putPreferences({ consents: data.get("consents") !== null, interests: wordsIn(textOf(data, "interests")) }));
    toast(t("saved"), "good");
  });
  return (
    <form class="stack panel" ref={form} onSubmit={submit} noValidate>
      <h2>{t("asViewer")}</h2>
      <p class="hint">{t("consentHint")}</p>
      <FormError text={errors["form"]} />
      <label>
        <input type="checkbox" name="consents" defaultChecked={one.consents} /> {t("consent")}
      </label>
      {one.consents && !one.is_personal && <p class="hint">{t("noAge")}</p>}
      <Field label={t("interests")} name="interests" hint={t("commas")} error={errors["interests"]}>
        {(ids) => <input {...ids} name="interests" dir="auto" defaultValue={one.interests.join(", ")} />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("save")}
      </button>
    </form>
  );
}

function Showing({ of: one, onChange }: { of: CreatorChoice; onChange: (one: CreatorChoice) => void }) {
  const { form, errors, busy, submit } = useSending(["break_minutes"], async (data) => {
    const minutes = textOf(data, "break_minutes").trim();
    onChange(
      await putCreatorChoice({
        is_on: data.get("is_on") !== null,
        warnings: labelsIn(data, "warnings"),
        refuses: labelsIn(data, "refuses"),
        break_minutes: minutes ? Number(minutes) : null,
      }),
    );
    toast(t("saved"), "good");
  });
  return (
    <form class="stack panel" ref={form} onSubmit={submit} noValidate>
      <h2>{t("asCreator")}</h2>
      <p class="hint">{t("shareHint", { n: one.share_percent })}</p>
      <FormError text={errors["form"]} />
      <label>
        <input type="checkbox" name="is_on" defaultChecked={one.is_on} /> {t("showAds")}
      </label>
      <Labels legend={t("warnings")} name="warnings" chosen={one.warnings} />
      <Labels legend={t("refuses")} name="refuses" chosen={one.refuses} />
      <Field label={t("breaks")} name="break_minutes" hint={t("breaksHint")} error={errors["break_minutes"]}>
        {(ids) => <input {...ids} name="break_minutes" type="number" min={5} max={240} defaultValue={one.break_minutes?.toString() ?? ""} />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("save")}
      </button>
    </form>
  );
}
