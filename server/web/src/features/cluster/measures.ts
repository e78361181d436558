/** Measures as operators read them. */
import { decimal, milliseconds, seconds } from "../../ui/format";
import { t } from "./words";

export const ms = (value: number): string => (value >= 1000 ? seconds(value / 1000) : milliseconds(value, value < 10 ? 1 : 0));

export const bytes = (value: number): string =>
  value >= 1e9 ? t("gigabytes", { n: decimal(value / 1e9, 1) }) : t("megabytes", { n: decimal(value / 1e6, 0) });
