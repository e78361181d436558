/** A filter as the form shows it: one word a line, one host a line. */
import type { Filter } from "./calls";

type Action = "refuse" | "hold";

/** What stands on the lines of a text, each once; empty lines are left out. */
export const linesOf = (text: string): string[] => [
  ...new Set(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean),
  ),
];

/** The words of a filter that have this action, a line each. */
export const wordsOf = (filter: Filter, action: Action): string =>
  (filter.words ?? []).filter((word) => (word.action ?? "refuse") === action).map((word) => word.text).join("\n");

/** A word on both lists is refused. */
export function wordsFrom(refused: string, held: string): { text: string; action: Action }[] {
  const strict = linesOf(refused);
  const known = new Set(strict.map((text) => text.toLowerCase()));
  return [
    ...strict.map((text) => ({ text, action: "refuse" as const })),
    ...linesOf(held)
      .filter((text) => !known.has(text.toLowerCase()))
      .map((text) => ({ text, action: "hold" as const })),
  ];
}

/** The action of a choice; null for none. */
export const actionOf = (chosen: string): Action | null => (chosen === "refuse" || chosen === "hold" ? chosen : null);
