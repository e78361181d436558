/** Offer something. */
import { useState } from "preact/hooks";
import { navigate } from "../../router";
import { Field, PageTitle, useTitle } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { type Kind, makeOffer, whereIAm } from "./calls";
import { KINDS } from "./list";
import { spotOf } from "./projection";
import { t } from "./words";
import "./local.css";

const FIELDS = ["kind", "title", "text", "place.lat", "place.lon", "place.name", "starts_at"];
const PRECISIONS = [0.5, 1, 5, 20] as const;

export default function NewOfferPage() {
  const [spot, setSpot] = useState({ lat: "", lon: "" });
  useTitle(t("offerIt"));
  const { form, errors, busy, submit } = useSending(FIELDS, async (data) => {
    const starts = textOf(data, "starts_at");
    const made = await makeOffer({
      kind: textOf(data, "kind") as Kind,
      title: textOf(data, "title"),
      text: textOf(data, "text"),
      place: { lat: Number(spot.lat), lon: Number(spot.lon), name: textOf(data, "name"), precision_km: Number(textOf(data, "precision")) },
      starts_at: starts ? new Date(starts).toISOString() : null,
    });
    navigate(`/local/${made.id}`);
  });
  const here = async (): Promise<void> => {
    try {
      const at = spotOf(await whereIAm());
      if (at) setSpot({ lat: String(at.lat), lon: String(at.lon) });
    } catch {
      toast(t("noPlace"), "bad");
    }
  };
  return (
    <div class="page narrow">
      <PageTitle>{t("offerIt")}</PageTitle>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("kind")} name="kind" error={errors["kind"]}>
          {(ids) => (
            <select {...ids} name="kind">
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {t(one)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("titleField")} name="title" error={errors["title"]}>
          {(ids) => <input {...ids} name="title" maxLength={120} dir="auto" />}
        </Field>
        <Field label={t("text")} name="text" error={errors["text"]}>
          {(ids) => <textarea {...ids} name="text" rows={4} maxLength={3000} dir="auto" />}
        </Field>
        <Field label={t("placeName")} name="name" error={errors["place.name"]}>
          {(ids) => <input {...ids} name="name" maxLength={100} dir="auto" />}
        </Field>
        <div class="two">
          <Field label={t("lat")} name="lat" error={errors["place.lat"]}>
            {(ids) => <input {...ids} inputMode="decimal" dir="ltr" value={spot.lat} onInput={(event) => setSpot({ ...spot, lat: event.currentTarget.value })} />}
          </Field>
          <Field label={t("lon")} name="lon" error={errors["place.lon"]}>
            {(ids) => <input {...ids} inputMode="decimal" dir="ltr" value={spot.lon} onInput={(event) => setSpot({ ...spot, lon: event.currentTarget.value })} />}
          </Field>
        </div>
        <button type="button" class="button" onClick={() => void here()}>
          {t("here")}
        </button>
        <Field label={t("precision")} name="precision">
          {(ids) => (
            <select {...ids} name="precision">
              {PRECISIONS.map((n) => (
                <option key={n} value={n} selected={n === 1}>
                  {t("km", { n })}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("startsAt")} name="starts_at" error={errors["starts_at"]}>
          {(ids) => <input {...ids} name="starts_at" type="datetime-local" />}
        </Field>
        <button type="submit" class="button accent" disabled={busy}>
          {t("save")}
        </button>
      </form>
    </div>
  );
}
