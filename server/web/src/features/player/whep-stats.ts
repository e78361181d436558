/** What a browser tells of a connection over WebRTC, as figures for people. Pure. */

/** Between 1900, where the clock of RTP senders begins, and 1970. */
const NTP_MS = 2_208_988_800_000;
/** A playout time further off than this tells of two clocks that disagree, not of a delay. */
const MAX_CREDIBLE_MS = 10_000;

export interface WhepStats {
  /** From the camera to the picture here as far as the publisher tells, else from the server; without a clock of either
   * what this end adds by itself. */
  latencyMs: number | null;
  bytes: number;
  /** Of the last span: bit/s, frames a second, and the share of packets that did not come. Null without two looks. */
  bitrate: number | null;
  fps: number | null;
  lostShare: number | null;
  roundTripMs: number | null;
  jitterMs: number | null;
  width: number;
  height: number;
  /** Since the beginning: packets lost, packets asked for again, freezes, and for how long pictures stood. */
  lost: number;
  asked: number;
  freezes: number;
  frozenMs: number;
}

export interface Totals {
  at: number;
  bytes: number;
  received: number;
  lost: number;
  frames: number;
  delay: number;
  emitted: number;
}

interface Read extends Totals {
  stats: WhepStats;
  decodeMs: number;
  playoutAt: number;
  /** This clock less the server's, ms. */
  aheadMs: number;
}

type Entry = Record<string, unknown>;

const numberOf = (entry: Entry, name: string): number => (typeof entry[name] === "number" ? (entry[name] as number) : 0);

/** `now`: ms since 1970. `last`: what the look before answered. */
export function readStats(entries: Iterable<Entry>, last: Totals | null, now: number): { stats: WhepStats; totals: Totals } {
  const read = sum([...entries], now);
  const { stats } = read;
  const { at, bytes, received, lost, frames, delay, emitted } = read;
  const totals: Totals = { at, bytes, received, lost, frames, delay, emitted };
  if (last && at > last.at) spanned(stats, last, totals);
  if (last && emitted > last.emitted) stats.latencyMs = latencyOf(read, last, now);
  return { stats, totals };
}

function sum(entries: Entry[], now: number): Read {
  const read: Read = {
    stats: {
      latencyMs: null, bytes: 0, bitrate: null, fps: null, lostShare: null, roundTripMs: null, jitterMs: null,
      width: 0, height: 0, lost: 0, asked: 0, freezes: 0, frozenMs: 0,
    },
    at: now, bytes: 0, received: 0, lost: 0, frames: 0, delay: 0, emitted: 0, decodeMs: 0, playoutAt: 0, aheadMs: 0,
  };
  const inbound = entries.filter((entry) => entry["type"] === "inbound-rtp");
  for (const entry of inbound) {
    read.bytes += numberOf(entry, "bytesReceived");
    read.received += numberOf(entry, "packetsReceived");
    read.lost += numberOf(entry, "packetsLost");
    read.stats.asked += numberOf(entry, "nackCount");
  }
  read.stats.bytes = read.bytes;
  read.stats.lost = read.lost;
  const video = inbound.find((entry) => entry["kind"] === "video" && numberOf(entry, "framesDecoded") > 0);
  const main = video ?? inbound[0];
  if (main) timed(read, main);
  if (video) pictured(read, video);
  for (const entry of entries) connected(read, entry);
  for (const entry of entries) dated(read, entry);
  return read;
}

function timed(read: Read, entry: Entry): void {
  read.delay = numberOf(entry, "jitterBufferDelay") * 1000;
  read.emitted = numberOf(entry, "jitterBufferEmittedCount");
  read.playoutAt = numberOf(entry, "estimatedPlayoutTimestamp");
  read.stats.jitterMs = numberOf(entry, "jitter") * 1000;
}

function pictured(read: Read, entry: Entry): void {
  read.frames = numberOf(entry, "framesDecoded");
  read.decodeMs = (numberOf(entry, "totalDecodeTime") / read.frames) * 1000;
  read.stats.width = numberOf(entry, "frameWidth");
  read.stats.height = numberOf(entry, "frameHeight");
  read.stats.freezes = numberOf(entry, "freezeCount");
  read.stats.frozenMs = numberOf(entry, "totalFreezesDuration") * 1000;
}

function connected(read: Read, entry: Entry): void {
  if (entry["type"] === "candidate-pair" && entry["nominated"]) read.stats.roundTripMs = numberOf(entry, "currentRoundTripTime") * 1000;
}

/** The server's reports say when they were sent by its clock; they arrive half a round trip later. */
function dated(read: Read, entry: Entry): void {
  const [sentAt, arrivedAt] = [numberOf(entry, "remoteTimestamp"), numberOf(entry, "timestamp")];
  if (entry["type"] === "remote-outbound-rtp" && sentAt && arrivedAt) read.aheadMs = arrivedAt - sentAt - (read.stats.roundTripMs ?? 0) / 2;
}

function spanned(stats: WhepStats, last: Totals, now: Totals): void {
  const seconds = (now.at - last.at) / 1000;
  stats.bitrate = (Math.max(0, now.bytes - last.bytes) * 8) / seconds;
  stats.fps = Math.max(0, now.frames - last.frames) / seconds;
  const lost = Math.max(0, now.lost - last.lost);
  const sent = Math.max(0, now.received - last.received) + lost;
  stats.lostShare = sent ? lost / sent : 0;
}

function latencyOf(read: Read, last: Totals, now: number): number {
  const here = (read.delay - last.delay) / (read.emitted - last.emitted) + (read.stats.roundTripMs ?? 0) / 2 + read.decodeMs;
  const dated = read.playoutAt ? now - read.aheadMs - (read.playoutAt - NTP_MS) : 0;
  return dated > here && dated < MAX_CREDIBLE_MS ? dated : here;
}
