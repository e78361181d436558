import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type Analytics = Answer<"streamAnalytics">;

export const analyticsOf = (streamId: string): Promise<Analytics> => call(`/streams/${encodeURIComponent(streamId)}/analytics`);

/** The text of the CSV: the request needs the session's token, so that a plain link would not do. */
export function csvOf({ retention }: Analytics): string {
  const lines = retention.map(({ at_s, viewers, share }) => `${at_s},${viewers},${share}`);
  return ["at_s,viewers,share", ...lines, ""].join("\r\n");
}
