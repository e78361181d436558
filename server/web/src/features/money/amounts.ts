/** Amounts of money: minor units, as people write and read them. */
import { direction, locale } from "../../i18n/language";

const LTR_ISOLATE = "\u2066";
const POP_ISOLATE = "\u2069";
/** What the locale data puts among the signs of an amount, for text that is not isolated. */
const MARKS = /[\u200e\u200f\u061c]/g;

export const CURRENCIES = ["USD", "EUR", "GBP", "AED", "SAR", "KWD", "JPY", "INR", "BRL", "CAD", "AUD", "CHF"] as const;

const format = (currency: string): Intl.NumberFormat => new Intl.NumberFormat(locale.value, { style: "currency", currency });

/** Digits after the point, by ISO 4217. */
export const digitsOf = (currency: string): number => format(currency).resolvedOptions().maximumFractionDigits ?? 2;

/** Among words that go from right to left, the digits and the letters of the currency keep their own order. */
export function money(amount: number, currency: string): string {
  const text = format(currency).format(amount / 10 ** digitsOf(currency));
  return direction.value === "rtl" ? `${LTR_ISOLATE}${text.replace(MARKS, "")}${POP_ISOLATE}` : text;
}

/** Minor units of what a person has typed. */
export const minorUnits = (major: number, currency: string): number => Math.round(major * 10 ** digitsOf(currency));
