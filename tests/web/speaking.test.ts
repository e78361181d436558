import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ApiError, sentence, unreachable } from "@web/api/http";
import { chooseLanguage } from "@web/i18n/catalogue";
import { t } from "@web/features/people/words";
import { t as chat } from "@web/features/chat/words";
import { bitrate } from "@web/ui/format";
import { fieldWords } from "@web/ui/field-words";

const root = { lang: "", dir: "" };
Object.assign(globalThis, { document: { documentElement: root } });

afterEach(() => chooseLanguage("en"));

test("a message is told in the language that was chosen last, and the document says which it is", async () => {
  assert.equal(t("followers", { n: 2 }), "2 followers");
  await chooseLanguage("ar");
  assert.equal(t("followers", { n: 2 }), "متابعان");
  assert.equal(t("followers", { n: 11 }), "11 متابعًا");
  assert.deepEqual(root, { lang: "ar", dir: "rtl" });
  await chooseLanguage("en");
  assert.equal(t("followers", { n: 1 }), "1 follower");
  assert.deepEqual(root, { lang: "en", dir: "ltr" });
});

test("a name keeps its own direction inside of an Arabic sentence", async () => {
  assert.equal(t("noSuchPersonText", { name: "@ada" }), "There is no @ada here.");
  await chooseLanguage("ar");
  assert.equal(t("noSuchPersonText", { name: "@ada" }), "لا يوجد حساب باسم \u2068@ada\u2069 هنا.");
});

test("elements stand where the sentence of each language has them", async () => {
  const name = { element: true } as never;
  assert.deepEqual(chat.rich("replyingTo", { name, text: "hi" }), ["Replying to ", name, ": ", "hi", ""]);
  await chooseLanguage("ar");
  assert.deepEqual(chat.rich("replyingTo", { name, text: "hi" }), ["ردًّا على ", name, ": ", "\u2068hi\u2069", ""]);
});

test("units are those of the language", async () => {
  assert.equal(bitrate(2_450_000), "2.5 Mbit/s");
  await chooseLanguage("ar");
  assert.match(bitrate(2_450_000), /ميغابت/);
});

test("a refusal is the server's own sentence in English, and told by its code in another language", async () => {
  const refused = new ApiError(401, { type: "/problems/wrong-credentials", detail: "Wrong username or password." });
  assert.equal(sentence(refused), "Wrong username or password.");
  await chooseLanguage("ar");
  assert.equal(sentence(refused), "اسم المستخدم أو كلمة المرور غير صحيحة.");
  assert.equal(sentence(new ApiError(409, { type: "/problems/never-heard-of", detail: "No." })), "يتعارض هذا مع ما هو موجود.");
  assert.equal(sentence(unreachable()), "تعذّر الوصول إلى الخادم. تحقّق من اتصالك ثم حاول مرة أخرى.");
  assert.equal(fieldWords("title", "must have at least 1 character"), "هذه القيمة غير مقبولة: \u2068العنوان\u2069.");
});
