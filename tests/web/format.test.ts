import assert from "node:assert/strict";
import { test } from "node:test";
import { tagsOf } from "@web/features/streams/tags";
import { bitrate, duration, hue, initials, latency, sized } from "@web/ui/format";

test("durations under an hour have no hours", () => {
  assert.equal(duration(75.9), "1:15");
  assert.equal(duration(3675), "1:01:15");
  assert.equal(duration(Number.NaN), "0:00");
});

test("latency is told in steps that do not flicker", () => {
  assert.equal(latency(243), "240 ms");
  assert.equal(latency(2140), "2.1 s");
  assert.equal(latency(0), "10 ms");
});

test("bitrates are told in the unit that fits", () => {
  assert.equal(bitrate(2_450_000), "2.5 Mbit/s");
  assert.equal(bitrate(96_000), "96 kbit/s");
});

test("initials are the first letters of the first and last word", () => {
  assert.equal(initials("Mira Okafor"), "MO");
  assert.equal(initials("lena_k"), "LK");
  assert.equal(initials("😀 smile"), "😀S");
  assert.equal(initials("  "), "?");
});

test("a picture has the same address in each of its widths but for the end", () => {
  assert.equal(sized("/pictures/0190/256.webp", 64), "/pictures/0190/64.webp");
  assert.equal(sized("https://cdn.example/a.webp", 64), "https://cdn.example/a.webp");
});

test("a name keeps its hue", () => {
  assert.equal(hue("ada"), hue("ada"));
  assert.ok(hue("ada") >= 0 && hue("ada") < 360);
});

test("tags are split at spaces, commas and hashes, each once", () => {
  assert.deepEqual(tagsOf("#Lo-Fi, live  coding live"), ["lo-fi", "live", "coding"]);
  assert.deepEqual(tagsOf("  "), []);
});
