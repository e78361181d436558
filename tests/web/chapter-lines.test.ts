import assert from "node:assert/strict";
import { test } from "node:test";
import { read, written } from "@web/features/library/chapter-lines";

test("chapters are lines that are read as they were written", () => {
  const chapters = [
    { at_ms: 0, label: "Opening" },
    { at_ms: 65_500, label: "2:0 at half-time" },
    { at_ms: 3_661_000, label: "النهاية ١" },
  ];
  assert.equal(written(chapters), "0:00 Opening\n1:05.500 2:0 at half-time\n1:01:01 النهاية ١");
  assert.deepEqual(read(`\n${written(chapters)}\n\n`), chapters);
  assert.deepEqual(read("١:٠٥ افتتاحية"), [{ at_ms: 65_000, label: "افتتاحية" }]);
  assert.deepEqual(read(""), []);
});

test("the first line that is none is told by its number", () => {
  assert.equal(read("0:00 Opening\nno time"), 2);
  assert.equal(read("0:00"), 1);
  assert.equal(read("65 Opening"), 1);
});
