import { deepEqual, equal, match, ok } from "node:assert/strict";
import { before, after, test } from "node:test";
import { catalogue, chooseLanguage, isTranslated } from "@web/i18n/catalogue";
import { ApiError, sentence } from "@web/api/http";
import { fieldWords } from "@web/ui/field-words";
import { ago, bitrate, clock, count, duration, latency, listed, month, percent, when } from "@web/ui/format";
import { money } from "@web/features/money/amounts";
import people from "@web/features/people/en";
import tags from "@web/features/people/ar";

const html = { lang: "", dir: "" };
const NOW = Date.parse("2026-11-29T12:00:00Z");
const LETTERS = /\p{Script=Arabic}/u;
const DIGITS = /[\u0660-\u0669\u06f0-\u06f9]/;
const at = (secondsAgo: number): string => new Date(NOW - secondsAgo * 1000).toISOString();
const plain = (text: string): string => text.replace(/[\u2066-\u2069\u200e\u200f\u061c]/g, "");

before(async () => {
  Object.assign(globalThis, { document: { documentElement: html } });
  await chooseLanguage("ar");
});
after(() => chooseLanguage("en"));

test("the document says which language it is in and which way it is read", () => {
  deepEqual([html, isTranslated()], [{ lang: "ar", dir: "rtl" }, true]);
});

test("a number chooses one of the six forms, and is written with digits that stand beside codes", () => {
  const t = catalogue("people", people);
  const shown = [0, 1, 2, 3, 10, 11, 99, 100, 102, 103, 1_000_000].map((n) => t("followers", { n }));
  const forms = [tags.followers.zero, tags.followers.one, tags.followers.two, tags.followers.few, tags.followers.many, tags.followers.other];
  equal(new Set(shown.map((text) => text.replace(/[\d.,]+\s?(\p{Script=Arabic}*)/u, "# $1"))).size >= forms.length - 1, true);
  for (const text of shown) ok(!DIGITS.test(text), text);
  deepEqual([shown[1], shown[2]], ["متابع واحد", "متابعان"]);
  match(shown[4] ?? "", /^10 متابعين$/);
  match(shown[5] ?? "", /^11 متابعًا$/);
});

test("an amount of money keeps the order of its signs, as one piece", () => {
  equal(money(-6700, "USD"), "\u2066-67.00\u00a0US$\u2069");
  match(money(1200, "SAR"), /^\u2066[^\u200e\u200f\u061c]+\u2069$/);
});

test("a name keeps its own direction within a sentence", () => {
  const t = catalogue("watch", { profileOf: "Profile of {name}" });
  equal(t("profileOf", { name: "ada" }), "الصفحة الشخصية: \u2068ada\u2069");
});

test("an element as a value stays an element, and the text around it is translated", () => {
  const t = catalogue("watch", { profileOf: "Profile of {name}" });
  const element = { type: "b" } as never;
  const parts = t.rich("profileOf", { name: element });
  ok(parts.includes(element));
  match(String(parts[0]), LETTERS);
});

test("a message that Arabic lacks is told in English, and an unknown one by its key", () => {
  const t = catalogue("nowhere", { hello: "Hello {name}" });
  equal(plain(t("hello", { name: "Ada" })), "Hello Ada");
});

test("times are told in words of the language, by the unit that fits", () => {
  const told = [5, 90, 3 * 3600, 26 * 3600, 8 * 86_400, 40 * 86_400, 800 * 86_400].map((s) => ago(at(s), NOW));
  for (const text of told) {
    match(text, LETTERS);
    ok(!DIGITS.test(text), text);
  }
  equal(new Set(told).size, told.length);
  match(ago(at(-7200), NOW), LETTERS);
  equal(ago(at(2 * 86_400), NOW), "أول أمس");
});

test("dates and clocks keep the digits of durations", () => {
  for (const text of [when(at(0)), month(at(0)), clock(at(0)), count(12_345), percent(0.25), duration(3675)]) ok(!DIGITS.test(text), text);
  match(month(at(0)), /نوفمبر.*2026/);
  equal(plain(duration(3675)), "1:01:15");
  match(count(12_345), LETTERS); // 12.3 thousand, in a word
  match(clock(at(0)), /^\d\d:\d\d$/);
});

test("rates and delays have Arabic units, and lists their own conjunction", () => {
  for (const text of [bitrate(2_450_000), bitrate(96_000), latency(240), latency(2140)]) match(text, LETTERS);
  match(listed(["AAC", "AV1"]), /AAC.*و.*AV1/);
});

test("the server's refusals are told by their code, and never in English", () => {
  const refusals: [ApiError, string][] = [
    [new ApiError(429, { type: "/problems/rate-limited", title: "Too many", detail: "Slow down." }, 5), "a rate"],
    [new ApiError(418, { type: "/problems/never-heard-of", detail: "Only in English." }), "an unknown code"],
    [new ApiError(503, { title: "Away" }), "a status alone"],
  ];
  for (const [error, what] of refusals) {
    match(sentence(error), LETTERS, what);
    ok(!/[a-z]{3}/i.test(sentence(error)), what);
  }
  match(sentence(Object.assign(new Error("Slow mode is on."), { code: "slow_mode" })), LETTERS);
  match(fieldWords("title", "must not have characters that cannot be seen"), LETTERS);
});
