/** What stands behind a message's text: that it was edited, and its reactions. */
import type { ChatMessage } from "../../api/types";
import { clock, listed } from "../../ui/format";
import { t } from "./words";

export interface Reacting {
  ownId: string;
  react: (message: ChatMessage, emoji: string, isOn: boolean) => void;
  /** How persons are called, by their ids. */
  nameOf: (userId: string) => string;
}

export function marksOf(message: ChatMessage, reacting?: Reacting): HTMLElement[] {
  const marks: HTMLElement[] = [];
  if (message.edited_at) marks.push(editedMark(message.edited_at));
  const reactions = Object.entries(message.reactions ?? {});
  if (reacting && reactions.length) marks.push(reactionsOf(message, reactions, reacting));
  return marks;
}

function editedMark(at: string): HTMLElement {
  const mark = document.createElement("span");
  mark.className = "message-edited";
  mark.textContent = t("edited");
  mark.title = clock(at);
  return mark;
}

function reactionsOf(message: ChatMessage, reactions: [string, string[]][], { ownId, react, nameOf }: Reacting): HTMLElement {
  const row = document.createElement("span");
  row.className = "message-reactions";
  for (const [emoji, people] of reactions) {
    const isOn = people.includes(ownId);
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(isOn));
    button.title = listed(people.map(nameOf));
    button.append(emoji, ` ${people.length}`);
    button.addEventListener("click", () => react(message, emoji, !isOn));
    row.append(button);
  }
  return row;
}
