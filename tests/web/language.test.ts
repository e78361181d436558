import assert from "node:assert/strict";
import { test } from "node:test";
import arabic from "@web/i18n/ar";
import { languageOf, localeOf } from "@web/i18n/language";

test("what was chosen on this device comes before what the browser asks for", () => {
  assert.equal(languageOf("ar", ["en-GB"]), "ar");
  assert.equal(languageOf(null, ["de-DE", "ar-EG", "en"]), "ar");
  assert.equal(languageOf("klingon", ["fr", "en-US"]), "en");
});

test("a browser that asks for none of the languages gets English", () => {
  assert.equal(languageOf(null, ["fr", "de"]), "en");
  assert.equal(languageOf(null, []), "en");
});

test("dates and numbers follow the region that the browser names, with digits that fit beside codes", () => {
  assert.equal(localeOf("en", ["fr", "en-GB"]), "en-GB-u-nu-latn");
  assert.equal(new Intl.NumberFormat(localeOf("ar", ["ar-EG"])).format(1234), "1,234");
  assert.equal(localeOf("ar", ["en"]), "ar-u-nu-latn");
  assert.equal(localeOf("en", ["en-not_a_tag"]), "en-u-nu-latn");
});

test("each of the six plural forms of Arabic is chosen by its number", () => {
  const { followers } = arabic.people;
  const rules = new Intl.PluralRules("ar");
  const shown = [0, 1, 2, 3, 11, 100].map((n) => followers[rules.select(n)].replace("{n}", String(n)));
  assert.deepEqual(shown, ["لا متابعين بعد", "متابع واحد", "متابعان", "3 متابعين", "11 متابعًا", "100 متابع"]);
});
