/**
 * The messages that a person reads. Each feature has its own in `en.ts` and `ar.ts`; English comes with the
 * feature's code, another language as one chunk before the first page is drawn.
 *
 * A message is a text with {placeholders}, or one text for each plural form of its number `n` (CLDR's names).
 */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { DIRECTIONS, direction, keepLanguage, language, perLocale, type Language } from "./language";

export type Form = Intl.LDMLPluralRule;
export type Forms = Readonly<Partial<Record<Form, string>> & { other: string }>;
export type Message = string | Forms;
export type Messages = Readonly<Record<string, Message>>;

/** What a catalogue must hold in Arabic: the same keys, and for each number its six forms. */
export type Arabic<E extends Messages> = { readonly [K in keyof E]: E[K] extends string ? string : Readonly<Record<Form, string>> };

type NamesIn<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
type TextOf<M> = M extends string ? M : M extends { other: infer O } ? O | M[keyof M] : never;
type Placeholders<M> = NamesIn<TextOf<M>> | (M extends string ? never : "n");
type Values<M, V> = [Placeholders<M>] extends [never] ? [] : [values: Record<Placeholders<M>, V>];

export interface Say<E extends Messages> {
  /** The message in the page's language. Numbers are written as the language writes them. */
  <K extends keyof E & string>(key: K, ...values: Values<E[K], string | number>): string;
  /** The same with elements as values. */
  rich<K extends keyof E & string>(key: K, ...values: Values<E[K], ComponentChildren>): ComponentChildren[];
}

/** The other language's messages by catalogue; null while the page speaks English. */
const translated = signal<Readonly<Record<string, Messages>> | null>(null);

export const isTranslated = (): boolean => translated.value !== null;

const LOADERS: Readonly<Record<Exclude<Language, "en">, () => Promise<{ default: Readonly<Record<string, Messages>> }>>> = {
  ar: () => import("./ar"),
};

/** Load the messages of the page's language and say on the document which it is. Once, before the first page is drawn. */
export async function startLanguage(): Promise<void> {
  await speak(language.peek());
}

/** Speak another language from now on, in this visit and the next. */
export async function chooseLanguage(chosen: Language): Promise<void> {
  await speak(chosen);
  keepLanguage(chosen);
}

async function speak(chosen: Language): Promise<void> {
  translated.value = chosen === "en" ? null : (await LOADERS[chosen]()).default;
  language.value = chosen;
  document.documentElement.lang = chosen;
  document.documentElement.dir = DIRECTIONS[chosen];
}

const PLACEHOLDER = /\{(\w+)\}/g;

/** `name`: the folder that holds the messages, the same as in the other languages' lists. */
export function catalogue<const E extends Messages>(name: string, english: E): Say<E> {
  type Given = Record<string, unknown> | undefined;
  const formOf = (key: string, values: Given): string => {
    const message = translated.value?.[name]?.[key] ?? english[key] ?? key;
    return typeof message === "string" ? message : pluralForm(message, Number(values?.["n"]));
  };
  const say = (key: string, values?: Given): string => formOf(key, values).replace(PLACEHOLDER, (_, one: string) => written(values?.[one]));
  const rich = (key: string, values?: Given): unknown[] =>
    formOf(key, values)
      .split(PLACEHOLDER)
      .map((part, index) => (index % 2 ? element(values?.[part]) : part));
  return Object.assign(say, { rich }) as unknown as Say<E>;
}

function pluralForm(forms: Forms, n: number): string {
  return forms[plurals().select(n)] ?? forms.other;
}

/** A text keeps its own direction inside of a sentence of the other one (Unicode's first strong isolate). */
function written(value: unknown): string {
  if (typeof value === "number") return numbers().format(value);
  const text = String(value ?? "");
  return direction.value === "rtl" ? `\u2068${text}\u2069` : text;
}

const element = (value: unknown): unknown => (typeof value === "object" ? value : written(value));

const plurals = perLocale((tag) => new Intl.PluralRules(tag));
const numbers = perLocale((tag) => new Intl.NumberFormat(tag, { notation: "compact", maximumFractionDigits: 1 }));
