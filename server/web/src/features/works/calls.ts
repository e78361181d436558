import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const part = encodeURIComponent;

export type Work = Answer<"listMyWorks">["items"][number];
export type Match = Answer<"getMatch">;
export type Act = "dispute" | "uphold" | "withdraw";

export const myWorks = (cursor: string): Promise<Page<Work>> => call(`/me/works${cursor && `?cursor=${part(cursor)}`}`);

export const registerWork = (body: Body<"registerWork">): Promise<{ work: Work }> =>
  call("/works", { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const removeWork = (id: string): Promise<void> => call(`/works/${part(id)}`, { method: "DELETE" });

export const myMatches = (cursor: string): Promise<Page<Match>> => call(`/me/matches${cursor && `?cursor=${part(cursor)}`}`);

export const decide = (id: string, act: Act, reason = ""): Promise<{ match: Match }> =>
  call(`/matches/${part(id)}/${act}`, act === "dispute" ? { method: "POST", body: { reason } } : { method: "POST" });
