import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type Filter = Body<"setChatFilter">;
export type Verdict = Answer<"tryChatFilter">;
export type Whose = "me" | "admin";

export const readFilter = (whose: Whose): Promise<Answer<"getChatFilter">> => call(`/${whose}/chat-filter`);
export const writeFilter = (whose: Whose, body: Filter): Promise<Answer<"getChatFilter">> =>
  call(`/${whose}/chat-filter`, { method: "PUT", body });
export const tryMessage = (whose: Whose, text: string, filter: Filter): Promise<Verdict> =>
  call(`/${whose}/chat-filter/try`, { method: "POST", body: { text, filter } });
