/** How a filter is written in a form, and read back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actionOf, linesOf, wordsFrom, wordsOf } from "@web/features/filters/lines";

test("each line is a word, once, without the spaces around it", () => {
  assert.deepEqual(linesOf(" one \n\ntwo words\none\n"), ["one", "two words"]);
  assert.deepEqual(linesOf(""), []);
});

test("a filter comes back from the form as it was, and a word on both lists is refused", () => {
  const words = [
    { text: "one", action: "refuse" as const },
    { text: "two", action: "hold" as const },
  ];
  assert.deepEqual(wordsFrom(wordsOf({ words }, "refuse"), wordsOf({ words }, "hold")), words);
  assert.deepEqual(wordsFrom("One", "one\ntwo"), [{ text: "One", action: "refuse" }, words[1]]);
  assert.equal(wordsOf({ words: [{ text: "x" }] as never }, "refuse"), "x");
});

test("nothing is done where no action was chosen", () => {
  assert.deepEqual(["", "hold", "refuse", "burn"].map(actionOf), [null, "hold", "refuse", null]);
});
