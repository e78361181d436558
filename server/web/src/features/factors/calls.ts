import { accessToken, call } from "../../api/session";
import { problemOf, request, send } from "../../api/http";
import type { Answer, Body } from "../../api/types";

export type Factors = Answer<"getFactors">;
export type Enrolment = Answer<"enrollTotp">;
export type Passkey = Answer<"listPasskeys">["items"][number];
export type Link = Answer<"listLinks">["items"][number];
export type Methods = Answer<"listSignInMethods">;

const post = { method: "POST" } as const;
const remove = { method: "DELETE" } as const;

export const signInMethods = (): Promise<Methods> => request("/auth/methods");

export const getFactors = (): Promise<Factors> => call("/auth/factors");
export const enroll = (): Promise<Enrolment> => call("/auth/totp/enroll", post);
export const confirmCode = (code: string): Promise<Answer<"confirmTotp">> => call("/auth/totp/confirm", { ...post, body: { code } });
export const removeTotp = (body: Body<"removeTotp">): Promise<void> => call("/auth/totp", { ...remove, body });
export const renewCodes = (): Promise<Answer<"renewRecoveryCodes">> => call("/auth/recovery-codes", post);

export const reauthenticate = (body: Body<"reauthenticate">): Promise<void> => call("/auth/reauthenticate", { ...post, body });
export const passkeyRequest = (): Promise<Answer<"passkeyLoginOptions">> => request("/auth/passkeys/login/options", post);
export const reauthenticateByPasskey = (body: Body<"passkeyReauthenticate">): Promise<void> =>
  call("/auth/passkeys/reauthenticate", { ...post, body });

export const listPasskeys = (): Promise<Answer<"listPasskeys">> => call("/auth/passkeys?limit=100");
export const passkeyOptions = (): Promise<Answer<"passkeyOptions">> => call("/auth/passkeys/options", post);
export const addPasskey = (body: Body<"registerPasskey">): Promise<Passkey> => call("/auth/passkeys", { ...post, body });
export const removePasskey = (id: string): Promise<void> => call(`/auth/passkeys/${id}`, remove);

export const listLinks = (): Promise<Answer<"listLinks">> => call("/auth/links");
export const removeLink = (provider: string): Promise<void> => call(`/auth/links/${encodeURIComponent(provider)}`, remove);
export const confirmLink = (token: string): Promise<void> => request("/auth/oauth/confirm", { ...post, body: { token } });

/** Where a browser goes to sign in by a provider, or to link it. */
export function startPath(provider: string, returnTo: string, isLink = false): string {
  const query = new URLSearchParams({ return_to: returnTo, ...(isLink ? { link: "1" } : {}) });
  return `/api/v1/auth/oauth/${encodeURIComponent(provider)}/start?${query}`;
}

/** Whether the server would let the browser go there: a navigation could not tell a refusal in the page's words. */
export async function proveStart(path: string): Promise<void> {
  const headers = { Authorization: `Bearer ${(await accessToken()) ?? ""}`, Accept: "application/json" };
  const answer = await send(path, { redirect: "manual", headers });
  if (answer.type !== "opaqueredirect" && !answer.ok) throw await problemOf(answer);
}
