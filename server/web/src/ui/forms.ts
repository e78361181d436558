/** What a refused form shows: which field is wrong and why. */
import { ApiError, sentence } from "../api/http";
import { fieldWords } from "./field-words";

export type Errors = Record<string, string>;

/** Field errors by the known part of their path, and one sentence for what belongs to no field. */
export function errorsOf(error: unknown, known: readonly string[]): Errors {
  if (!(error instanceof ApiError) || !error.fields.length) return { form: sentence(error) };
  const found = new Map<string, Set<string>>();
  for (const { field, message } of error.fields) {
    const parts = field.split(".");
    const key = parts.find((part) => known.includes(part)) ?? "form";
    const words = fieldWords(key === "form" ? (parts.at(-1) ?? "") : key, message);
    found.set(key, (found.get(key) ?? new Set()).add(words));
  }
  return Object.fromEntries([...found].map(([key, words]) => [key, [...words].join(" ")]));
}

/** After a refusal the focus goes to the first field that is wrong. */
export function focusFirstBad(form: HTMLFormElement | null): void {
  requestAnimationFrame(() => form?.querySelector<HTMLElement>("[aria-invalid=true], .form-error")?.focus());
}
