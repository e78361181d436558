/** Where this browser keeps the place that an invitation was taken for: who reloads the page returns to it. */
import type { Place } from "./calls";

const nameOf = (token: string): string => `stage:${token}`;

export function keptPlace(token: string, storage: Storage = localStorage): Place | null {
  try {
    const kept: unknown = JSON.parse(storage.getItem(nameOf(token)) ?? "null");
    return isPlace(kept) ? kept : null;
  } catch {
    return null;
  }
}

export function keepPlace(token: string, place: Place, storage: Storage = localStorage): void {
  try {
    storage.setItem(nameOf(token), JSON.stringify(place));
  } catch {
    // A browser that keeps nothing: the place lasts as long as the page.
  }
}

export function dropPlace(token: string, storage: Storage = localStorage): void {
  try {
    storage.removeItem(nameOf(token));
  } catch {
    // As above.
  }
}

function isPlace(value: unknown): value is Place {
  const place = value as Record<string, unknown> | null;
  return typeof place === "object" && place !== null && ["seat", "secret", "whip", "whep"].every((key) => typeof place[key] === "string");
}
