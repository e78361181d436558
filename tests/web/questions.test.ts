import assert from "node:assert/strict";
import { test } from "node:test";
import { questionsOf } from "@web/features/courses/questions";

test("questions are read as they are written, a paragraph each", () => {
  assert.deepEqual(questionsOf("2 + 2?\n3\n* 4\n> Count\n\n\nAgain?\nyes\nno\n"), [
    { question: "2 + 2?", options: ["3", "4"], answer: 1, explanation: "Count" },
    { question: "Again?", options: ["yes", "no"], answer: 0, explanation: "" },
  ]);
  assert.deepEqual(questionsOf(" \n\n"), []);
});
