import { randomId } from "../../api/locks";
import { request } from "../../api/http";
import { call, me } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";
import { language } from "../../i18n/language";

const part = encodeURIComponent;
const once = (): Record<string, string> => ({ "Idempotency-Key": randomId() });
const paged = (path: string, cursor: string, more: Record<string, string> = {}): string =>
  `${path}?${new URLSearchParams({ limit: "20", ...more, ...(cursor && { cursor }) })}`;

export type Article = Answer<"getArticle">;
export type Found = Answer<"searchHelp">["items"][number];
export type Ticket = Answer<"getTicket">;
export type Note = Answer<"listTicketNotes">["items"][number];
export type Priority = Ticket["priority"];

export const isAgent = (): boolean => Boolean(me.value?.roles?.some((role) => role === "support" || role === "admin"));

/** In the language of the words, or without any in that of the page. */
export const searchHelp = (q: string): Promise<Answer<"searchHelp">> =>
  request(`/help?${new URLSearchParams({ limit: "50", q, ...(!q && { language: language.value }) })}`);
export const getArticle = (slug: string): Promise<Article> => request(`/help/${part(slug)}?language=${language.value}`);

export const openTicket = async (body: Body<"openTicket">): Promise<Ticket> =>
  (await call<Answer<"openTicket">>("/tickets", { method: "POST", body, headers: once() })).ticket;
export const listTickets = (state: string, cursor: string): Promise<Page<Ticket>> => call(paged("/tickets", cursor, state ? { state } : {}));
export const getTicket = (id: string): Promise<Ticket> => call(`/tickets/${part(id)}`);
export const changeTicket = (id: string, body: NonNullable<Body<"changeTicket">>): Promise<Ticket> =>
  call(`/tickets/${part(id)}`, { method: "PATCH", body });
export const rateTicket = (id: string, body: Body<"rateTicket">): Promise<Ticket> =>
  call(`/tickets/${part(id)}/satisfaction`, { method: "PUT", body });
export const notesOf = (id: string, cursor: string): Promise<Page<Note>> => call(paged(`/tickets/${part(id)}/notes`, cursor));
export const addNote = (id: string, text: string): Promise<unknown> =>
  call(`/tickets/${part(id)}/notes`, { method: "POST", body: { text }, headers: once() });

export type Macro = Answer<"listMacros">["items"][number];
export const macrosOf = async (): Promise<Macro[]> => {
  const first = await call<Page<Macro>>("/macros?limit=100");
  const second = first.next ? await call<Page<Macro>>(`/macros?${new URLSearchParams({ limit: "100", cursor: first.next })}`) : null;
  return [...first.items, ...(second?.items ?? [])];
};
export type MacroBody = NonNullable<Body<"makeMacro">>;
export const makeMacro = (body: MacroBody): Promise<unknown> => call("/macros", { method: "POST", body, headers: once() });
export const putMacro = (id: string, body: MacroBody): Promise<unknown> => call(`/macros/${part(id)}`, { method: "PUT", body });
export const deleteMacro = (id: string): Promise<void> => call(`/macros/${part(id)}`, { method: "DELETE" });
