import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { readStats, type Totals } from "@web/features/player/whep-stats";

const NOW = 1_800_000_000_000;
const NTP_MS = 2_208_988_800_000;

interface Given {
  frames?: number;
  playedAt?: number;
  aheadMs?: number;
}

/** What a browser tells at a moment at which so many frames have been shown, 50 ms after their arrival, each. */
function entries({ frames = 100, playedAt = 0, aheadMs = 0 }: Given = {}) {
  return [
    { type: "inbound-rtp", kind: "audio", bytesReceived: 1000, packetsReceived: 50, packetsLost: 0, jitterBufferDelay: 9, jitterBufferEmittedCount: 9 },
    {
      type: "inbound-rtp", kind: "video", bytesReceived: frames * 1000, packetsReceived: frames * 2, packetsLost: frames / 10,
      framesDecoded: frames, totalDecodeTime: frames * 0.004, jitterBufferDelay: frames * 0.05, jitterBufferEmittedCount: frames,
      estimatedPlayoutTimestamp: playedAt ? playedAt + NTP_MS : undefined, frameWidth: 1280, frameHeight: 720, nackCount: 7,
      freezeCount: 1, totalFreezesDuration: 0.4, jitter: 0.003,
    },
    { type: "candidate-pair", nominated: false, currentRoundTripTime: 9 },
    { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.04 },
    { type: "remote-outbound-rtp", remoteTimestamp: NOW - 20 - aheadMs, timestamp: NOW },
  ];
}

function looked(given: Given) {
  const { totals } = readStats(entries({ frames: 40 }), null, NOW - 2000);
  return readStats(entries(given), totals, NOW).stats;
}

test("figures of a span need two looks, the others one", () => {
  const { stats } = readStats(entries(), null, NOW);
  equal(stats.bitrate ?? stats.fps ?? stats.lostShare ?? stats.latencyMs, null);
  equal(stats.roundTripMs, 40);
  equal(`${stats.width}×${stats.height}`, "1280×720");
  equal(stats.asked, 7);
  equal(stats.frozenMs, 400);
});

test("rates are those of the time between two looks", () => {
  const stats = looked({});
  equal(stats.fps, 30);
  equal(stats.bitrate, (60_000 * 8) / 2);
  ok(Math.abs((stats.lostShare ?? 0) - 6 / 126) < 1e-9);
});

test("the delay is told by the server's clock, whatever the one here shows", () => {
  for (const aheadMs of [0, 5_000, -90_000]) equal(Math.round(looked({ playedAt: NOW - aheadMs - 130, aheadMs }).latencyMs ?? 0), 130);
});

test("without a time by the server's clock, or with nonsense, it is what this end adds", () => {
  const here = 50 + 20 + 4;
  equal(Math.round(looked({}).latencyMs ?? 0), here);
  equal(Math.round(looked({ playedAt: NOW - 60_000 }).latencyMs ?? 0), here);
  equal(Math.round(looked({ playedAt: NOW + 500 }).latencyMs ?? 0), here);
});

test("nothing that is told makes no figure out of nothing", () => {
  const before: Totals = readStats([], null, NOW - 1000).totals;
  const { stats } = readStats([], before, NOW);
  equal(stats.latencyMs, null);
  equal(stats.lostShare, 0);
  equal(stats.bitrate, 0);
});
