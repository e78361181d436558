/**
 * Passkeys by the browser's WebAuthn, whose options and answers travel as JSON (WebAuthn level 3, section 5.1).
 * Browsers that lack the conversions of level 3 have them made here.
 */
import type { Answer, Body } from "../../api/types";

type Creation = Answer<"passkeyOptions">;
type Request = Answer<"passkeyLoginOptions">["options"];
type Credential = Body<"registerPasskey">["credential"];

/** False on an origin that is not secure or has no name, and in browsers without WebAuthn. */
export const hasPasskeys = (): boolean => "PublicKeyCredential" in globalThis && isNamed(location.hostname);

/** Whether a passkey can be made for the host: an IP address is no relying party (WebAuthn level 3, section 5.1.3). */
export const isNamed = (host: string): boolean => !host.includes(":") && !/^[\d.]+$/.test(host);

/** Base64url without padding (RFC 4648 section 5) as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}

export function base64urlOf(bytes: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The members of these names, which are base64url in JSON, as bytes; at any depth. */
function withBytes(value: unknown, names: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => withBytes(one, names));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, typeof inner === "string" && names.has(name) ? bytesOf(inner) : withBytes(inner, names)]);
  return Object.fromEntries(entries) as unknown;
}

export function requestOptions(options: Request): PublicKeyCredentialRequestOptions {
  return withBytes(options, new Set(["challenge", "id"])) as PublicKeyCredentialRequestOptions;
}

/** The relying party's id stays a text. */
export function creationOptions({ rp, ...options }: Creation): PublicKeyCredentialCreationOptions {
  return { ...(withBytes(options, new Set(["challenge", "id"])) as PublicKeyCredentialCreationOptions), rp: rp as unknown as PublicKeyCredentialRpEntity };
}

/** Make a passkey on this device. Throws the browser's `DOMException` when the person turns back. */
export async function createPasskey(options: Creation): Promise<Credential> {
  const made = await navigator.credentials.create({ publicKey: creationOptions(options) });
  return jsonOf(made as PublicKeyCredential);
}

/** Ask for a passkey, in place of an offer that is open: a page may have one request at a time. */
export async function showPasskey(options: Request): Promise<Credential> {
  offer?.abort();
  const shown = await navigator.credentials.get({ publicKey: requestOptions(options) });
  return jsonOf(shown as PublicKeyCredential);
}

let offer: AbortController | null = null;

/** Whether the browser offers passkeys in a field whose `autocomplete` holds `webauthn`. */
export async function mayOfferPasskeys(): Promise<boolean> {
  return hasPasskeys() && Boolean(await PublicKeyCredential.isConditionalMediationAvailable?.());
}

/** The passkey that the person chooses among what a field is filled with. Throws the `AbortError` when `ended`, or when a passkey is asked for otherwise. */
export async function offerPasskeys(options: Request, ended: AbortSignal): Promise<Credential> {
  offer?.abort();
  const own = (offer = new AbortController());
  const abort = (): void => own.abort();
  ended.addEventListener("abort", abort);
  try {
    if (ended.aborted) abort();
    const shown = await navigator.credentials.get({ publicKey: requestOptions(options), mediation: "conditional", signal: own.signal });
    return jsonOf(shown as PublicKeyCredential);
  } finally {
    ended.removeEventListener("abort", abort);
  }
}

/** Whether the person turned back, or the browser's time for it ran out (one error stands for both). */
export const isTurnedBack = (error: unknown): boolean => error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError");

const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"] as const;

function jsonOf(credential: PublicKeyCredential): Credential {
  if (typeof credential.toJSON === "function") return credential.toJSON() as unknown as Credential;
  const given = credential.response as unknown as Partial<Record<(typeof PARTS)[number], ArrayBuffer | null>> & Partial<AuthenticatorAttestationResponse>;
  const response: Record<string, unknown> = {};
  for (const part of PARTS) if (given[part]) response[part] = base64urlOf(given[part]);
  if (given.getTransports) response["transports"] = given.getTransports();
  return {
    id: credential.id,
    rawId: base64urlOf(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}
