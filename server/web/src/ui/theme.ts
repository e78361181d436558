import { signal } from "@preact/signals";
import { recall, remember } from "./remember";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const isTheme = (value: string | null): value is Theme => value === "light" || value === "dark";

const kept = recall("sf.theme");
export const theme = signal<Theme>(isTheme(kept) ? kept : "system");

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  if (chosen === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
  remember("sf.theme", chosen === "system" ? null : chosen);
}

export function isDark(): boolean {
  if (theme.value !== "system") return theme.value === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

export const calmMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
