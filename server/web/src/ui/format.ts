/** Numbers and times as people read them, in the page's language. */
import { perLocale } from "../i18n/language";
import { t } from "./words";

const compact = perLocale((tag) => new Intl.NumberFormat(tag, { notation: "compact", maximumFractionDigits: 1 }));
const shares = perLocale((tag) => new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 0 }));
const relative = perLocale((tag) => new Intl.RelativeTimeFormat(tag, { numeric: "auto", style: "short" }));
const dateTime = perLocale((tag) => new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" }));
const clockTime = perLocale((tag) => new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));
const months = perLocale((tag) => new Intl.DateTimeFormat(tag, { month: "long", year: "numeric" }));
const lists = perLocale((tag) => new Intl.ListFormat(tag, { type: "conjunction" }));
const decimals = [0, 1].map((digits) =>
  perLocale((tag) => new Intl.NumberFormat(tag, { minimumFractionDigits: digits, maximumFractionDigits: digits })),
);

export const count = (n: number): string => compact().format(n);

const sizes = (["byte", "kilobyte", "megabyte", "gigabyte"] as const).map((unit) =>
  perLocale((tag) => new Intl.NumberFormat(tag, { style: "unit", unit, maximumFractionDigits: 1 })),
);

/** 1,234,567 → "1.2 MB". */
export function bytes(n: number): string {
  const power = Math.min(sizes.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, n)) / 3)));
  return sizes[power]?.().format(n / 1000 ** power) ?? "";
}

export const percent = (share: number): string => shares().format(share);

/** With no digit after the point, or one. */
export const decimal = (n: number, digits: 0 | 1): string => decimals[digits]?.().format(n) ?? "";

/** "AAC", "AAC and AV1". */
export const listed = (words: string[]): string => lists().format(words);

/** 75 → 1:15, 3675 → 1:01:15. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(s).padStart(2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 hours ago", "in 20 minutes". */
export function ago(at: string, now = Date.now()): string {
  const seconds = (Date.parse(at) - now) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative().format(Math.round(seconds / size), unit);
  }
  return seconds > 0 ? t("inAMoment") : t("justNow");
}

export const when = (at: string): string => dateTime().format(new Date(at));

export const clock = (at: string): string => clockTime().format(new Date(at));

/** "November 2026". */
export const month = (at: string): string => months().format(new Date(at));

export function bitrate(bps: number): string {
  return bps >= 1_000_000 ? t("megabits", { n: decimal(bps / 1_000_000, 1) }) : t("kilobits", { n: decimal(bps / 1000, 0) });
}

export const seconds = (n: number): string => t("seconds", { n: decimal(n, 1) });

export const milliseconds = (n: number, digits: 0 | 1 = 0): string => t("milliseconds", { n: decimal(n, digits) });

/** In steps that do not flicker. */
export const latency = (ms: number): string => (ms < 950 ? milliseconds(Math.max(10, Math.round(ms / 10) * 10)) : seconds(ms / 1000));

/** A stable hue for a name, so that a person keeps a colour everywhere. */
export function hue(name: string): number {
  let hash = 2_166_136_261;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16_777_619);
  return (hash >>> 0) % 360;
}

export function initials(name: string): string {
  const words = name.trim().split(/[\s_.-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  const picked = letters.map((word) => [...(word ?? "")][0] ?? "").join("");
  return picked.toLocaleUpperCase() || "?";
}

/** The address of a person's picture at another of its widths, which are its last segment. */
export const sized = (url: string, width: number): string => url.replace(/\/\d+\.webp$/, `/${width}.webp`);
