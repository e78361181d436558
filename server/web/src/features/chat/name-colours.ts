/**
 * Colours of names that can be read on every background of a chat: a contrast of 4.5 (WCAG 2.2, 1.4.3). Pure.
 *
 * A hue is kept; how light it is depends on the scheme, and goes on until the contrast is there.
 */
export type Scheme = "light" | "dark";
type Rgb = readonly [number, number, number];

/** What names stand on: a message, one that is chosen, and one that mentions the reader. */
export const BACKGROUNDS: Readonly<Record<Scheme, readonly string[]>> = {
  light: ["#ffffff", "#eceee4", "#f5fddf", "#f6f7f1"],
  dark: ["#141a17", "#1e2622", "#343f22", "#0c100e"],
};
export const MIN_CONTRAST = 4.5;

const SATURATION = 0.62;
const STEP = 0.02;
const FIRST: Readonly<Record<Scheme, number>> = { light: 0.42, dark: 0.66 };

const parsed = (hex: string): Rgb => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as unknown as Rgb;
const linear = (part: number): number => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]: Rgb): number => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);

/** Between 1 and 21 (WCAG 2.2, "contrast ratio"). */
export function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(parsed(one)), luminance(parsed(other))].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** CSS Color 4, 7.1 "Converting HSL colors to sRGB". */
function hex(hue: number, lightness: number): string {
  const reach = SATURATION * Math.min(lightness, 1 - lightness);
  const part = (n: number): string => {
    const k = (n + hue / 30) % 12;
    const value = lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(value * 255).toString(16).padStart(2, "0");
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}

const made = new Map<string, string>();

/** The colour of a name of this hue, in degrees. */
export function nameColour(hue: number, scheme: Scheme): string {
  const key = `${scheme}${hue}`;
  const found = made.get(key) ?? readable(hue, scheme);
  made.set(key, found);
  return found;
}

function readable(hue: number, scheme: Scheme): string {
  const step = scheme === "light" ? -STEP : STEP;
  for (let lightness = FIRST[scheme]; lightness > 0 && lightness < 1; lightness += step) {
    const colour = hex(hue, lightness);
    if (BACKGROUNDS[scheme].every((background) => contrast(colour, background) >= MIN_CONTRAST)) return colour;
  }
  return scheme === "light" ? "#000000" : "#ffffff";
}
