/** Which language the page speaks: the stored choice, else the browser's first that there is, else English. */
import { computed, signal } from "@preact/signals";
import { recall, remember } from "../ui/remember";

export const LANGUAGES = ["en", "ar"] as const;
export type Language = (typeof LANGUAGES)[number];
/** The same few words in each language, for what the list of features shows before a feature's code is there. */
export type Label = Readonly<Record<Language, string>>;

const STORED = "sf.language";
/** Each language in its own name. */
export const NAMES: Label = { en: "English", ar: "العربية" };
export const DIRECTIONS: Readonly<Record<Language, "ltr" | "rtl">> = { en: "ltr", ar: "rtl" };

const known = (tag: string | null): Language | undefined => LANGUAGES.find((one) => one === tag?.toLowerCase().split("-")[0]);

/** `stored`: what was chosen on this device. `wanted`: the browser's languages (BCP 47), the best first. */
export function languageOf(stored: string | null, wanted: readonly string[]): Language {
  return known(stored) ?? wanted.map(known).find(Boolean) ?? "en";
}

/** The language with the region that the person's browser names, and digits that fit beside durations and codes. */
export function localeOf(language: Language, wanted: readonly string[]): string {
  const tag = wanted.find((one) => known(one) === language && isTag(one)) ?? language;
  return new Intl.Locale(tag, { numberingSystem: "latn" }).toString();
}

function isTag(tag: string): boolean {
  try {
    return Boolean(new Intl.Locale(tag));
  } catch {
    return false;
  }
}

const browsers = (): readonly string[] => globalThis.navigator?.languages ?? [];

export const language = signal<Language>(languageOf(recall(STORED), browsers()));
export const locale = computed(() => localeOf(language.value, browsers()));
export const direction = computed(() => DIRECTIONS[language.value]);

export const keepLanguage = (chosen: Language): void => remember(STORED, chosen);

export const labelled = (label: Label): string => label[language.value];

/** A formatter that is made anew only when the language changes. */
export function perLocale<T>(make: (locale: string) => T): () => T {
  let tag = "";
  let made: T | undefined;
  return () => {
    if (made === undefined || tag !== locale.value) made = make((tag = locale.value));
    return made;
  };
}
