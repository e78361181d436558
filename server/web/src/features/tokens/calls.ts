import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type Token = Answer<"listTokens">["items"][number];
export type NewToken = Body<"addToken">;
export type Scope = NewToken["scopes"][number];

export const listTokens = (): Promise<Answer<"listTokens">> => call("/auth/tokens?limit=100");
export const addToken = (body: NewToken): Promise<Answer<"addToken">> => call("/auth/tokens", { method: "POST", body });
export const deleteToken = (id: string): Promise<void> => call(`/auth/tokens/${id}`, { method: "DELETE" });
