import { problemOf, send } from "../../api/http";
import { accessToken, call } from "../../api/session";
import type { Answer, Page } from "../../api/types";
import { AnswerEvents, type AnswerEvent } from "./events";

export type State = Answer<"getAssistant">;
export type Conversation = Answer<"listAssistantConversations">["items"][number];
export type Said = Answer<"listAssistantMessages">["items"][number];

export type Engine = Answer<"getAssistantEngine">;
export type Asker = Answer<"listAssistantPeople">["items"][number];
export type Trial = Answer<"tryAssistantEngine">;

const ANSWER_MS = 180_000;
const part = encodeURIComponent;

export const getAssistant = (): Promise<State> => call("/assistant");
export const listConversations = (): Promise<Page<Conversation>> => call("/assistant/conversations?limit=50");
export const listMessages = (id: string, cursor: string): Promise<Page<Said>> =>
  call(`/assistant/conversations/${part(id)}/messages?${new URLSearchParams({ limit: "100", ...(cursor && { cursor }) })}`);
export const removeConversation = (id: string): Promise<void> => call(`/assistant/conversations/${part(id)}`, { method: "DELETE" });
export const confirmProposal = (id: string): Promise<Answer<"confirmProposal">> => call(`/assistant/confirmations/${part(id)}`, { method: "POST" });
export const declineProposal = (id: string): Promise<void> => call(`/assistant/confirmations/${part(id)}`, { method: "DELETE" });

export const getEngine = (): Promise<Engine> => call("/admin/assistant");
export const listAskers = async (): Promise<Asker[]> => (await call<Answer<"listAssistantPeople">>("/admin/assistant/people")).items;
export const tryEngine = (): Promise<Trial> => call("/admin/assistant/trial", { method: "POST" });

/** The answer as it is made; resolves after its last event. An abort by the caller stays an abort. */
export async function ask(
  text: string,
  conversation: string | null,
  on: { begun: (conversation: string) => void; event: (event: AnswerEvent) => void },
  signal: AbortSignal,
): Promise<void> {
  const headers: Record<string, string> = { Authorization: `Bearer ${await accessToken()}`, Accept: "text/event-stream" };
  headers["Content-Type"] = "application/json";
  const body = JSON.stringify({ text, ...(conversation && { conversation_id: conversation }) });
  const response = await send("/api/v1/assistant/messages", { method: "POST", headers, body }, signal, ANSWER_MS);
  if (!response.ok || !response.body) throw await problemOf(response);
  on.begun(response.headers.get("Conversation-Id") ?? "");
  const events = new AnswerEvents();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) events.feed(piece.value).forEach(on.event);
}
