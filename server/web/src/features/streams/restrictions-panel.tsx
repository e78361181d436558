/** Whom a broadcast is for: its countries, the least age and a warning. */
import { useState } from "preact/hooks";
import type { Body, Stream } from "../../api/types";
import { Geolocation } from "../../ui/geolocation";
import { Field } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { restrict } from "./calls";
import { t } from "./words";

const LISTS = { "": "allCountries", allow: "onlyThese", deny: "notThese" } as const;
type List = keyof typeof LISTS;

const FIELDS = ["countries", "min_age", "content_warning"];

function restrictionsOf(data: FormData): Body<"restrictStream"> {
  const list = textOf(data, "list") as List;
  const codes = textOf(data, "countries").toUpperCase().split(/[\s,]+/).filter(Boolean);
  const age = textOf(data, "min_age").trim();
  const warning = textOf(data, "content_warning").trim();
  return {
    ...(list ? { countries: { [list]: codes } } : {}),
    ...(age ? { min_age: Number(age) } : {}),
    ...(warning ? { content_warning: warning } : {}),
  };
}

const listOf = (stream: Stream): List => {
  const countries = stream.restrictions?.countries;
  return countries?.allow ? "allow" : countries?.deny ? "deny" : "";
};

export function RestrictionsPanel({ stream }: { stream: Stream }) {
  const [list, setList] = useState<List>(listOf(stream));
  const { form, errors, busy, submit } = useSending(FIELDS, async (data) => {
    await restrict(stream.id, restrictionsOf(data));
    toast(t("saved"), "good");
  });
  const { countries, min_age, content_warning } = stream.restrictions ?? {};
  const codes = (countries?.allow ?? countries?.deny ?? []).join(" ");
  return (
    <section class="panel" aria-labelledby="restrictions-title">
      <h2 id="restrictions-title">{t("restrictions")}</h2>
      <p class="dim">{t("restrictionsText")}</p>
      <form class="stream-form" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("countries")} name="list" error={errors["countries"]}>
          {(ids) => (
            <select {...ids} name="list" value={list} onChange={(event) => setList(event.currentTarget.value as List)}>
              {(Object.keys(LISTS) as List[]).map((key) => (
                <option key={key} value={key}>
                  {t(LISTS[key])}
                </option>
              ))}
            </select>
          )}
        </Field>
        {list && (
          <Field label={t("countryCodes")} name="countries" hint={t("countryCodesHint")}>
            {(ids) => <input {...ids} name="countries" dir="ltr" spellcheck={false} defaultValue={codes} />}
          </Field>
        )}
        <Field label={t("minAge")} name="min_age" hint={t("minAgeHint")} error={errors["min_age"]}>
          {(ids) => <input {...ids} name="min_age" type="number" min={1} max={25} defaultValue={min_age ?? ""} />}
        </Field>
        <Field label={t("contentWarning")} name="content_warning" error={errors["content_warning"]}>
          {(ids) => <input {...ids} name="content_warning" maxLength={300} defaultValue={content_warning ?? ""} />}
        </Field>
        <button type="submit" class="button" disabled={busy}>
          {t("save")}
        </button>
      </form>
      <Geolocation />
    </section>
  );
}
