/** Places in a shared text that stay where they are while others write: carets of people, and what comments are about. */
import * as Y from "yjs";
import { hue } from "../../ui/format";
import type { NewComment } from "./calls";

/** As Yjs writes a relative position. */
export type Position = NonNullable<NewComment["place"]>["start"];

export interface Range {
  start: number;
  end: number;
}

export interface Caret {
  name: string;
  hue: number;
  at: number;
}

export interface Piece {
  text: string;
  /** Comments that are about it. */
  comments: string[];
  /** Whose carets stand before it. */
  carets: Caret[];
}

const MAX_NAME = 40;

export const positionAt = (text: Y.Text, at: number): Position =>
  Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, at)) as Position;

/** Null for what is no place in this text, whoever has sent it. */
export function indexOf(doc: Y.Doc, position: unknown): number | null {
  try {
    const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(position), doc);
    return found && found.type === doc.getText("content") ? found.index : null;
  } catch {
    return null;
  }
}

/** None where the words that it is about are gone. */
export function rangeOf(doc: Y.Doc, place: { start: unknown; end: unknown } | null): Range | null {
  const [start, end] = [indexOf(doc, place?.start), indexOf(doc, place?.end)];
  return start !== null && end !== null && start < end ? { start, end } : null;
}

/** Of the others, as they say where they are. */
export function caretsOf(doc: Y.Doc, states: ReadonlyMap<number, Record<string, unknown>>): Caret[] {
  const carets: Caret[] = [];
  for (const [client, state] of states) {
    const at = client === doc.clientID ? null : indexOf(doc, state["caret"]);
    const name = nameOf(state);
    if (at !== null && name) carets.push({ name, hue: hue(name), at });
  }
  return carets;
}

export function nameOf(state: Record<string, unknown>): string {
  const user = state["user"];
  const name = typeof user === "object" && user !== null && "name" in user ? user.name : "";
  return typeof name === "string" ? name.slice(0, MAX_NAME) : "";
}

/** The text, cut wherever a comment begins or ends, or a caret stands. */
export function piecesOf(text: string, ranges: ReadonlyMap<string, Range>, carets: readonly Caret[]): Piece[] {
  const cuts = new Set([0, text.length]);
  for (const { start, end } of ranges.values()) cuts.add(start).add(end);
  for (const { at } of carets) cuts.add(at);
  const places = [...cuts].filter((at) => at >= 0 && at <= text.length).sort((one, other) => one - other);
  return places.map((at, n) => ({
    text: text.slice(at, places[n + 1] ?? at),
    comments: [...ranges].filter(([, range]) => range.start <= at && at < range.end).map(([id]) => id),
    carets: carets.filter((caret) => caret.at === at),
  }));
}
