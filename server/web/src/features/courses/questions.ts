/** The questions of a quiz as their author writes them, without a browser. */
import type { Body } from "../../api/types";

export type Question = NonNullable<Body<"makeLesson">["questions"]>[number];

/** One paragraph a question: the question, a line for each option, `*` before the right one, `>` before the reason. */
export function questionsOf(text: string): Question[] {
  return text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.split("\n").map((line) => line.trim()).filter(Boolean))
    .filter((lines) => lines.length > 0)
    .map(([question = "", ...lines]) => {
      const options = lines.filter((line) => !line.startsWith(">"));
      const explanation = lines.filter((line) => line.startsWith(">")).map((line) => line.slice(1).trim()).join("\n");
      const answer = Math.max(0, options.findIndex((line) => line.startsWith("*")));
      return { question, options: options.map((line) => line.replace(/^\*\s*/, "")), answer, explanation };
    });
}
