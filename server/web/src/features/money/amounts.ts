/** Amounts of money: minor units, as people write and read them. */
import { locale } from "../../i18n/language";

export const CURRENCIES = ["USD", "EUR", "GBP", "AED", "SAR", "KWD", "JPY", "INR", "BRL", "CAD", "AUD", "CHF"] as const;

const format = (currency: string): Intl.NumberFormat => new Intl.NumberFormat(locale.value, { style: "currency", currency });

/** Digits after the point, by ISO 4217. */
export const digitsOf = (currency: string): number => format(currency).resolvedOptions().maximumFractionDigits ?? 2;

export const money = (amount: number, currency: string): string => format(currency).format(amount / 10 ** digitsOf(currency));

/** Minor units of what a person has typed. */
export const minorUnits = (major: number, currency: string): number => Math.round(major * 10 ** digitsOf(currency));
