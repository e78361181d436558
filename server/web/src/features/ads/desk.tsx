/** The advertisers' desk: one's campaigns, and a form for a new one. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { navigate } from "../../router";
import { PageList } from "../../ui/page-list";
import { Empty, Field, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { CURRENCIES, minorUnits, money } from "../money/amounts";
import { campaigns, makeCampaign, type Campaign } from "./calls";
import { Labels, labelsIn, wordsIn } from "./labels";
import { Waits } from "./waits";
import { t } from "./words";
import "./ads.css";

export default function Desk() {
  const [list] = useState(() => new PageList<Campaign>());
  useTitle(t("title"));
  useEffect(() => {
    if (me.value) void list.begin(campaigns);
  }, [me.value?.id]);
  const { items, next, failure } = list.state.value;
  if (!me.value) return <Empty title={t("signIn")} />;
  return (
    <div class="page ads-page">
      <PageTitle>{t("title")}</PageTitle>
      <p class="hint">{t("intro")}</p>
      {Boolean(failure) && <Empty title={sentence(failure)} />}
      {!items && !failure && <Spinner />}
      {items?.length === 0 && (
        <Empty title={t("none")}>
          <p>{t("noneText")}</p>
        </Empty>
      )}
      <ul class="ads-list">
        {items?.map((one) => (
          <li key={one.id}>
            <a class="ads-card" href={`/ads/${one.id}`}>
              <strong dir="auto">{one.name}</strong>
              <span>{t("spentOf", { spent: money(one.spent, one.currency), budget: money(one.budget, one.currency) })}</span>
              <progress max={one.budget} value={one.spent} aria-label={t("spentOf", { spent: money(one.spent, one.currency), budget: money(one.budget, one.currency) })} />
              <Waits of={one} />
            </a>
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" class="button more" onClick={() => void list.more()}>
          {t("more")}
        </button>
      )}
      <NewCampaign />
    </div>
  );
}

const FIELDS = ["name", "budget", "bid", "currency", "starts_at", "ends_at", "click_url", "cap", "targeting.countries", "targeting.languages", "targeting.interests", "targeting.categories"];
const AGES = ["18-24", "25-34", "35-44", "45-54", "55+"] as const;

const DAY_MS = 86_400_000;
/** As an input of this kind writes it: the reader's own time, without its offset. */
const localTime = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
const moment = (text: string): string => {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : at.toISOString();
};

async function create(data: FormData): Promise<void> {
  const currency = textOf(data, "currency");
  const made = await makeCampaign({
    name: textOf(data, "name"),
    budget: minorUnits(Number(textOf(data, "budget")) || 0, currency),
    bid: minorUnits(Number(textOf(data, "bid")) || 0, currency),
    currency,
    starts_at: moment(textOf(data, "starts_at")),
    ends_at: moment(textOf(data, "ends_at")),
    click_url: textOf(data, "click_url"),
    cap: Number(textOf(data, "cap")) || 0,
    avoid: labelsIn(data, "avoid"),
    targeting: {
      countries: wordsIn(textOf(data, "countries")).map((one) => one.toUpperCase()),
      languages: wordsIn(textOf(data, "languages")).map((one) => one.toLowerCase()),
      ages: data.getAll("ages").map(String) as (typeof AGES)[number][],
      interests: wordsIn(textOf(data, "interests")),
      categories: wordsIn(textOf(data, "categories")),
    },
  });
  navigate(`/ads/${made.id}`);
}

function NewCampaign() {
  const { form, errors, busy, submit } = useSending(FIELDS, create);
  const now = Date.now();
  const text = (name: string, label: string, more: object, hint?: string, field = name) => (
    <Field label={label} name={name} error={errors[field]} {...(hint && { hint })}>
      {(ids) => <input {...ids} name={name} autocomplete="off" {...more} />}
    </Field>
  );
  return (
    <details class="panel">
      <summary>{t("begin")}</summary>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        {text("name", t("name"), { maxLength: 100, dir: "auto" })}
        <div class="two">
          {text("budget", t("budget"), { type: "number", min: 0, step: "any", defaultValue: "20" })}
          {text("bid", t("bid"), { type: "number", min: 0, step: "any", defaultValue: "2" }, t("bidHint"))}
        </div>
        <Field label={t("currency")} name="currency" error={errors["currency"]}>
          {(ids) => (
            <select {...ids} name="currency">
              {CURRENCIES.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          )}
        </Field>
        <div class="two">
          {text("starts_at", t("starts"), { type: "datetime-local", defaultValue: localTime(now) })}
          {text("ends_at", t("ends"), { type: "datetime-local", defaultValue: localTime(now + 14 * DAY_MS) })}
        </div>
        {text("click_url", t("site"), { type: "url", maxLength: 2000, dir: "ltr", placeholder: "https://" })}
        {text("cap", t("cap"), { type: "number", min: 1, max: 100, defaultValue: "5" })}
        <Labels legend={t("avoid")} name="avoid" chosen={["adult", "warned"]} />
        <fieldset class="ads-labels">
          <legend>{t("target")}</legend>
          <p class="hint">{t("targetHint")}</p>
          {text("categories", t("categories"), { dir: "auto" }, t("commas"), "targeting.categories")}
          {text("languages", t("languages"), { dir: "ltr", placeholder: "en, ar" }, t("commas"), "targeting.languages")}
          {text("countries", t("countries"), { dir: "ltr", placeholder: "EG, FR" }, t("byConsent"), "targeting.countries")}
          {text("interests", t("interests"), { dir: "auto" }, t("byConsent"), "targeting.interests")}
          <fieldset class="ads-labels">
            <legend>{t("ages")}</legend>
            {AGES.map((one) => (
              <label key={one}>
                <input type="checkbox" name="ages" value={one} /> <bdi>{one}</bdi>
              </label>
            ))}
          </fieldset>
        </fieldset>
        <button type="submit" class="button accent" disabled={busy}>
          {t("create")}
        </button>
      </form>
    </details>
  );
}
