/** What a seller says of what they sell. */
import { useState } from "preact/hooks";
import { navigate } from "../../router";
import { Field } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { CURRENCIES, digitsOf, minorUnits } from "../money/amounts";
import type { Picture } from "../posts/draft";
import { PictureFields, PicturePicker } from "../posts/pictures";
import { changeListing, type Listing, makeListing } from "./calls";
import { t } from "./words";

const FIELDS = ["title", "description", "category", "price", "currency", "shipping", "stock", "pictures", "place.lat", "place.lon"];
const MAX_PICTURES = 8;

function placeIn(data: FormData, before: Listing["place"]): { lat: number; lon: number; name: string; precision_km: number } | null {
  const [lat, lon] = [textOf(data, "lat").trim(), textOf(data, "lon").trim()];
  if (!lat && !lon) return null;
  return { lat: Number(lat), lon: Number(lon), name: before?.name ?? "", precision_km: before?.precision_km ?? 1 };
}

export function ListingForm({ of: one }: { of: Listing | null }) {
  const [pictures, setPictures] = useState<Picture[]>(() => (one?.pictures ?? []).map(({ id, preview_url, alt }) => ({ id, preview: preview_url, alt })));
  const [sending, setSending] = useState(0);
  const major = (amount: number): string => String(amount / 10 ** digitsOf(one?.currency ?? "USD"));
  const { form, errors, busy, submit } = useSending(FIELDS, async (data) => {
    const currency = one?.currency ?? textOf(data, "currency");
    const written = {
      title: textOf(data, "title"),
      description: textOf(data, "description"),
      category: textOf(data, "category"),
      price: minorUnits(Number(textOf(data, "price")) || 0, currency),
      shipping: minorUnits(Number(textOf(data, "shipping")) || 0, currency),
      stock: Math.trunc(Number(textOf(data, "stock")) || 0),
      pictures: pictures.map(({ id, alt }) => ({ upload_id: id, alt: alt.trim() })),
      place: placeIn(data, one?.place ?? null),
    };
    const saved = one ? await changeListing(one.id, { ...written, state: data.get("open") ? "open" : "closed" }) : await makeListing({ ...written, currency });
    navigate(`/market/${saved.id}`);
  });
  return (
    <form class="stack" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("titleField")} name="title" error={errors["title"]}>
        {(ids) => <input {...ids} name="title" maxLength={120} dir="auto" defaultValue={one?.title} />}
      </Field>
      <Field label={t("description")} name="description" error={errors["description"]}>
        {(ids) => <textarea {...ids} name="description" rows={5} maxLength={5000} dir="auto" defaultValue={one?.description} />}
      </Field>
      <Field label={t("category")} name="category" error={errors["category"]}>
        {(ids) => <input {...ids} name="category" maxLength={40} dir="auto" defaultValue={one?.category} />}
      </Field>
      <div class="two">
        <Field label={t("price")} name="price" error={errors["price"]}>
          {(ids) => <input {...ids} name="price" type="number" min="0" step="any" defaultValue={one ? major(one.price) : ""} />}
        </Field>
        {!one && (
          <Field label={t("currency")} name="currency" error={errors["currency"]}>
            {(ids) => (
              <select {...ids} name="currency">
                {CURRENCIES.map((code) => (
                  <option key={code}>{code}</option>
                ))}
              </select>
            )}
          </Field>
        )}
        <Field label={t("shipping")} name="shipping" error={errors["shipping"]}>
          {(ids) => <input {...ids} name="shipping" type="number" min="0" step="any" defaultValue={one ? major(one.shipping) : "0"} />}
        </Field>
        <Field label={t("stock")} name="stock" error={errors["stock"]}>
          {(ids) => <input {...ids} name="stock" type="number" min="0" step="1" defaultValue={String(one?.stock ?? 1)} />}
        </Field>
        <Field label={t("lat")} name="lat" hint={t("placeHint")} error={errors["place.lat"]}>
          {(ids) => <input {...ids} name="lat" inputMode="decimal" dir="ltr" defaultValue={one?.place ? String(one.place.lat) : ""} />}
        </Field>
        <Field label={t("lon")} name="lon" error={errors["place.lon"]}>
          {(ids) => <input {...ids} name="lon" inputMode="decimal" dir="ltr" defaultValue={one?.place ? String(one.place.lon) : ""} />}
        </Field>
      </div>
      <fieldset>
        <legend>{t("pictures")}</legend>
        <PictureFields pictures={pictures} onChange={setPictures} />
        <PicturePicker
          room={MAX_PICTURES - pictures.length - sending}
          onPicture={(picture) => setPictures((last) => [...last, picture])}
          onSending={setSending}
          onFailure={(text) => text && toast(text, "bad")}
        />
        {errors["pictures"] && <p class="error">{errors["pictures"]}</p>}
      </fieldset>
      {one && (
        <label class="row">
          <input type="checkbox" name="open" defaultChecked={one.state === "open"} /> {t("forSale")}
        </label>
      )}
      <button type="submit" class="button accent" disabled={busy || sending > 0}>
        {t("save")}
      </button>
    </form>
  );
}
