import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

const part = encodeURIComponent;

export type Conversations = Answer<"listConversations">;
export type Conversation = Conversations["items"][number];
export type Member = Conversation["people"][number];
export type Settings = Answer<"getConversationSettings">;

const of = (id: string, what = ""): string => `/conversations/${part(id)}${what}`;

export const listConversations = (limit: number, cursor = ""): Promise<Conversations> =>
  call(`/conversations?${new URLSearchParams({ limit: String(limit), ...(cursor && { cursor }) })}`);

export const getConversation = async (id: string): Promise<Conversation> =>
  (await call<Answer<"getConversation">>(of(id))).conversation;

export const beginConversation = async (body: Body<"beginConversation">): Promise<Conversation> =>
  (await call<Answer<"beginConversation">>("/conversations", { method: "POST", body })).conversation;

export const renameConversation = async (id: string, title: string): Promise<Conversation> =>
  (await call<Answer<"renameConversation">>(of(id), { method: "PATCH", body: { title } })).conversation;

export const setMembership = (id: string, isIn: boolean): Promise<void> =>
  call(of(id, "/membership"), { method: isIn ? "PUT" : "DELETE" });

export const setMuted = (id: string, isMuted: boolean): Promise<void> => call(of(id, "/mute"), { method: isMuted ? "PUT" : "DELETE" });

export const setMember = (id: string, username: string, isIn: boolean): Promise<void> =>
  call(of(id, `/members/${part(username)}`), { method: isIn ? "PUT" : "DELETE" });

export const getSettings = (): Promise<Settings> => call("/me/conversation-settings");

export const setSettings = (body: Body<"setConversationSettings">): Promise<Settings> =>
  call("/me/conversation-settings", { method: "PUT", body });

export type Followed = Answer<"listFollowing">["items"][number];

export const followedBy = async (username: string): Promise<Followed[]> =>
  (await call<Answer<"listFollowing">>(`/users/${part(username)}/following?limit=100`)).items;
