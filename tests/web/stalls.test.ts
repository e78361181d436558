import { equal } from "node:assert/strict";
import { test } from "node:test";
import { Stalls } from "@web/features/player/stalls";

function made() {
  let now = 5000;
  const stalls = new Stalls(() => now);
  return { stalls, pass: (ms: number) => (now += ms) };
}

test("only the time between a stall's begin and end counts, and each millisecond once", () => {
  const { stalls, pass } = made();
  pass(100);
  stalls.begin();
  pass(250.4);
  stalls.end();
  pass(1000);
  equal(stalls.take(), 250);
  equal(stalls.take(), 0);
});

test("a stall that goes on is told in parts", () => {
  const { stalls, pass } = made();
  stalls.begin();
  pass(300);
  stalls.begin(); // the browser says it again
  pass(200);
  equal(stalls.take(), 500);
  pass(50);
  stalls.end();
  equal(stalls.take(), 50);
});

test("an end without a begin is nothing, and a viewer away for long is told within the bound", () => {
  const { stalls, pass } = made();
  stalls.end();
  equal(stalls.take(), 0);
  stalls.begin();
  pass(3_600_000);
  equal(stalls.take(), 600_000);
});
