/** Limits are written in minutes and sent in seconds. */
import { textOf } from "../../ui/sending";

export const secondsIn = (data: FormData, name: string): number | null => {
  const text = textOf(data, name).trim();
  return text ? Math.round(Number(text) * 60) : null;
};

export const minutesOf = (seconds: number | null | undefined): string => (seconds ? (seconds / 60).toString() : "");
