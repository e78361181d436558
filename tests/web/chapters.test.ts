import assert from "node:assert/strict";
import { test } from "node:test";
import { chapterAt } from "@web/features/player/chapter";

test("a moment is in the chapter that began last before it", () => {
  const chapters = [
    { at: 10, label: "a" },
    { at: 20, label: "b" },
  ];
  assert.equal(chapterAt(chapters, 5), undefined);
  assert.equal(chapterAt(chapters, 10)?.label, "a");
  assert.equal(chapterAt(chapters, 25)?.label, "b");
});
