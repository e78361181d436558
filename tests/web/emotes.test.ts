/** What of a text is an emote. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pieces } from "@web/features/chat/emotes";

const EMOTES = new Map([["hi", "/emotes/1/56.webp"], ["Hi", "/emotes/2/56.webp"]]);
const shown = (text: string): unknown[] => pieces(text, EMOTES).map((one) => (typeof one === "string" ? one : one.url));

test("an emote stands where its name does, and letters are told apart by their case", () => {
  assert.deepEqual(shown(":hi:"), ["/emotes/1/56.webp"]);
  assert.deepEqual(shown("a :hi::Hi: b"), ["a ", "/emotes/1/56.webp", "/emotes/2/56.webp", " b"]);
});

test("what is no emote, or none any more, stays words", () => {
  for (const text of ["", "hi", ":hello:", ": hi :", "10:30:hi", ":h:"]) assert.deepEqual(shown(text), [text], text);
  assert.deepEqual(shown(":no:hi:"), [":no", "/emotes/1/56.webp"]);
});
