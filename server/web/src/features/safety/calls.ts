import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type Cases = Answer<"listCases">;
export type Case = Cases["items"][number];
export type WholeCase = Answer<"getCase">;
export type Action = Body<"actOnCase">["action"];
export type Kind = Body<"report">["kind"];
export type Reason = Body<"report">["reason"];
export type Strike = Answer<"listMyStrikes">["items"][number];
export type Report = Answer<"listMyReports">["items"][number];
export type Template = Answer<"listTemplates">["items"][number];
export type Appeal = Answer<"listAppeals">["items"][number];

export const KINDS: readonly Kind[] = ["person", "stream", "message", "post", "video", "community"];
export const REASONS: readonly Reason[] = [
  "spam",
  "harassment",
  "hate",
  "violence",
  "self_harm",
  "sexual",
  "minors",
  "illegal",
  "impersonation",
  "copyright",
  "misinformation",
  "other",
];

export const SEVERITIES: readonly Case["severity"][] = ["critical", "high", "medium", "low"];
/** In the order in which moderators choose. */
export const ACTIONS: readonly Action[] = ["dismiss", "warn", "mute", "blur", "hide", "remove", "end", "restrict", "suspend", "escalate"];

export interface Asked {
  state: string;
  kind: string;
  severity: string;
}

const of = (path: string, given: Record<string, string>): string =>
  `${path}?${new URLSearchParams(Object.entries(given).filter(([, value]) => value))}`;

export const report = (body: Body<"report">): Promise<unknown> => call("/reports", { method: "POST", body });
export const listMyReports = (cursor: string): Promise<Answer<"listMyReports">> => call(of("/me/reports", { cursor }));
export const listMyStrikes = (cursor: string): Promise<Answer<"listMyStrikes">> => call(of("/me/strikes", { cursor }));
export const appeal = (strikeId: string, text: string): Promise<Answer<"appeal">> =>
  call(`/me/strikes/${strikeId}/appeal`, { method: "POST", body: { text } });

/** For moderators. What is empty is any. */
export const listCases = (asked: Asked, cursor: string): Promise<Cases> => call(of("/moderation/queue", { ...asked, cursor }));
export const getCase = (id: string): Promise<WholeCase> => call(`/moderation/cases/${id}`);
export const claimCase = (id: string): Promise<Case> => call(`/moderation/cases/${id}/claim`, { method: "PUT" });
export const releaseCase = (id: string): Promise<void> => call(`/moderation/cases/${id}/claim`, { method: "DELETE" });
export const actOnCase = (id: string, body: Body<"actOnCase">): Promise<WholeCase> =>
  call(`/moderation/cases/${id}/actions`, { method: "POST", body });
export const noteOnCase = (id: string, text: string): Promise<unknown> => call(`/moderation/cases/${id}/notes`, { method: "POST", body: { text } });
export const listTemplates = (): Promise<Answer<"listTemplates">> => call("/moderation/templates");
export const addTemplate = (body: Body<"addTemplate">): Promise<unknown> => call("/moderation/templates", { method: "POST", body });
export const dropTemplate = (id: string): Promise<void> => call(`/moderation/templates/${id}`, { method: "DELETE" });
export const revertCase = (id: string): Promise<WholeCase> => call(`/moderation/cases/${id}/revert`, { method: "POST", body: {} });
export const listAppeals = (cursor: string): Promise<Answer<"listAppeals">> => call(of("/moderation/appeals", { cursor }));
export const decideAppeal = (id: string, body: Body<"decideAppeal">): Promise<Appeal> =>
  call(`/moderation/appeals/${id}/decision`, { method: "POST", body });
