import { request } from "../../api/http";
import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type Device = Answer<"listSessions">["items"][number];

const post = { method: "POST" } as const;

export const forgot = (email: string): Promise<void> => request("/auth/password/forgot", { ...post, body: { email } });
export const reset = (token: string, password: string): Promise<void> =>
  request("/auth/password/reset", { ...post, body: { token, password } });
export const verify = (token: string): Promise<void> => request("/auth/email/verify", { ...post, body: { token } });

export const undoEmail = (token: string): Promise<void> => request("/auth/email/undo", { ...post, body: { token } });

export const resend = (): Promise<void> => call("/auth/email/resend", post);
export const changeEmail = (password: string | null, email: string): Promise<void> =>
  call("/auth/email/change", { ...post, body: { password, email } });
export const changePassword = (password: string | null, new_password: string): Promise<void> =>
  call("/auth/password/change", { ...post, body: { password, new_password } });

export const deleteMe = (password: string | null): Promise<void> => call("/me", { method: "DELETE", body: { password } satisfies Body<"deleteMe"> });

/** How long signing in takes a deletion back. */
export async function graceDays(): Promise<number> {
  const { limits } = await request<Answer<"getServer">>("/server");
  return Number(limits["deletion_grace_days"] ?? 0);
}

export const listDevices = (): Promise<Answer<"listSessions">> => call("/auth/sessions?limit=100");
export const endDevice = (id: string): Promise<void> => call(`/auth/sessions/${id}`, { method: "DELETE" });
export const endOthers = (): Promise<void> => call("/auth/sessions", { method: "DELETE" });

/** A time in the fragment, if it is one. */
export function untilOf(hash: string): string | null {
  const until = new URLSearchParams(hash.slice(1)).get("until") ?? "";
  return Number.isNaN(Date.parse(until)) ? null : until;
}

/** The token of a mail's link: it stands behind the #, so that it reaches no server's log. */
export const tokenOf = (hash: string): string => new URLSearchParams(hash.slice(1)).get("token") ?? "";
