import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type Mails = Answer<"listMails">;
export type Mail = Mails["items"][number];
export type MailState = Mail["state"];

/** For operators. An empty `state` or `address` is any. */
export function listMails(asked: { state: string; address: string; cursor: string }): Promise<Mails> {
  const chosen = Object.entries(asked).filter(([, value]) => value);
  return call(`/admin/mail?${new URLSearchParams(chosen)}`);
}

export const readMail = (id: string): Promise<Answer<"readMail">> => call(`/admin/mail/${id}`);

export const retryMail = (id: string): Promise<Answer<"retryMail">> => call(`/admin/mail/${id}/retry`, { method: "POST" });
