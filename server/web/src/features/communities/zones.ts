/** Times as the clocks of a time zone show them, without a browser. */
import { locale } from "../../i18n/language";

export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** The IANA names that there are, one's own among them. */
export const zones = (): readonly string[] => [...new Set(["UTC", ownZone(), ...Intl.supportedValuesOf("timeZone")])];

/** What the clocks of the zone show at a moment, as `datetime-local` has it: "2026-05-01T10:00". */
export function wallOf(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  }).formatToParts(at);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("year").padStart(4, "0")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}`;
}

const WALL = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/;
const utc = (wall: string): number => (WALL.test(wall) ? Date.parse(`${wall}:00Z`) : NaN);

/** The moment at which the clocks of the zone show this, as RFC 3339; null for what is no time. One that the clocks skip is moved on. */
export function momentOf(wall: string, zone: string): string | null {
  const wanted = utc(wall);
  if (Number.isNaN(wanted)) return null;
  const off = (at: number): number => utc(wallOf(at, zone)) - at;
  const guess = wanted - off(wanted);
  return new Date(wanted - off(guess)).toISOString();
}

/** "Friday, 1 May 2026 at 10:00 – 12:00 CEST". */
export function span(from: string, until: string | null, zone: string): string {
  const format = new Intl.DateTimeFormat(locale.value, {
    timeZone: zone, weekday: "short", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  return until ? format.formatRange(new Date(from), new Date(until)) : format.format(new Date(from));
}

/** The day and month of a moment, for the leaf of a calendar. */
export const leaf = (at: string, zone: string): { day: string; month: string } => ({
  day: new Intl.DateTimeFormat(locale.value, { timeZone: zone, day: "numeric" }).format(new Date(at)),
  month: new Intl.DateTimeFormat(locale.value, { timeZone: zone, month: "short" }).format(new Date(at)),
});
