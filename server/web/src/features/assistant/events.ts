/** What comes of an answer, from the server-sent events that it is sent as. Pure. */

export interface Source {
  title: string;
  url: string;
  kind: "article" | "post" | "stream" | "recording" | "clip" | "ticket" | "order";
}

export interface Proposal {
  id: string;
  tool: string;
  arguments: { subject?: string; text?: string };
  expires_at: string;
}

/** Each event has one of `delta`, `proposal` and `sources`, the last with what follows it here. */
export interface AnswerEvent {
  delta?: string;
  proposal?: Proposal;
  sources?: Source[];
  complete?: boolean;
  conversation_id?: string;
}

/** Fed with text as it comes, gives the events that are whole. */
export class AnswerEvents {
  private rest = "";

  feed(text: string): AnswerEvent[] {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.filter((block) => block.startsWith("data: ")).map((block) => JSON.parse(block.slice(6)) as AnswerEvent);
  }
}

/** Only places of this page are linked to, whatever an answer names. */
export const isPlace = ({ url }: Source): boolean => /^\/(?![/\\])/.test(url);
