/** Chapters as lines of text, "1:05 Kick-off", as people write them. Without a browser. */
import { duration } from "../../ui/format";

export interface Line {
  at_ms: number;
  label: string;
}

const LINE = /^([\d٠-٩:.,]+)\s+(.*\S)$/;
const TIME = /^(?:\d{1,3}:)?\d{1,3}:\d{2}(?:\.\d{1,3})?$/;

export const written = (chapters: readonly Line[]): string => chapters.map(({ at_ms, label }) => `${clock(at_ms)} ${label}`).join("\n");

/** The chapters, or the number of the first line that is none. */
export function read(text: string): Line[] | number {
  const found: Line[] = [];
  for (const [place, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const [, at = "", label = ""] = LINE.exec(line.trim()) ?? [];
    const time = latin(at).replace(",", ".");
    if (!TIME.test(time)) return place + 1;
    found.push({ at_ms: Math.round(time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) * 1000), label });
  }
  return found;
}

/** Digits of Arabic are read as well. */
const latin = (text: string): string => text.replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660));

function clock(ms: number): string {
  const rest = ms % 1000;
  return duration(ms / 1000) + (rest ? `.${String(rest).padStart(3, "0")}` : "");
}
