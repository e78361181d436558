import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { Quarters } from "@web/features/ads/quarters";

const AD = { beacons: { "0": "a", "25": "b", "50": "c", "75": "d", "100": "e" } } as never;

async function told(shares: number[], refused: string[] = []): Promise<string[]> {
  const calls: string[] = [];
  const quarters = new Quarters(AD, async (beacon) => {
    calls.push(beacon);
    if (refused.includes(beacon)) throw new Error("no");
  });
  for (const share of shares) quarters.seen(share);
  await new Promise((resolve) => setTimeout(resolve));
  return calls;
}

test("each quarter that was seen is told once and in order, also when some are passed over", async () => {
  deepEqual(await told([0.01]), ["a"]);
  deepEqual(await told([0.01, 0.02, 0.3, 0.26]), ["a", "b"]);
  deepEqual(await told([0.6, 1]), ["a", "b", "c", "d", "e"]);
  deepEqual(await told([0, 1, 1]), ["a", "b", "c", "d", "e"]);
});

test("what the server refuses keeps the later ones from nothing", async () => {
  deepEqual(await told([0.5], ["b"]), ["a", "b", "c"]);
});
