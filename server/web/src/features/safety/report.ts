/** What the person is about to report; its window is opened by a button wherever there is something to report. */
import { signal } from "@preact/signals";
import type { Kind } from "./calls";

export interface Reported {
  kind: Kind;
  id: string;
}

export const reported = signal<Reported | null>(null);

export const askToReport = (kind: Kind, id: string): void => {
  reported.value = { kind, id };
};
