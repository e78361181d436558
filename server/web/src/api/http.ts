/** JSON over fetch, with every failure as one kind of error that says what a person may be told. */
import { refusal } from "./problems";
import { t } from "./words";

export interface FieldError {
  field: string;
  message: string;
}

interface Problem {
  type?: string;
  title?: string;
  detail?: string;
  reason?: string;
  errors?: FieldError[];
}

const NO_TYPE = "about:blank";
/** The type of a refusal that this client words by itself. */
export const OWN_TYPE = "about:client";

/** A refused or failed request. `status` 0 means that no answer came. */
export class ApiError extends Error {
  readonly status: number;
  readonly type: string;
  readonly reason: string | null;
  readonly fields: FieldError[];
  readonly retryAfterS: number | null;
  /** Made by this client, in the page's language. */
  readonly isOwn: boolean;

  constructor(status: number, problem: Problem, retryAfterS: number | null = null) {
    super(problem.detail || problem.title || t("answered", { status: String(status) }));
    this.name = "ApiError";
    this.status = status;
    this.type = problem.type ?? NO_TYPE;
    this.isOwn = problem.type === OWN_TYPE;
    this.reason = problem.reason ?? null;
    this.fields = problem.errors ?? [];
    this.retryAfterS = retryAfterS;
  }

  get isOffline(): boolean {
    return this.status === 0;
  }

  /** The end of `type`, by which the client knows the problem. */
  get code(): string {
    return this.type.split("/").at(-1) ?? "";
  }
}

export const unreachable = (): ApiError =>
  new ApiError(0, { title: t("unreachable") });

/** An error of the server, whichever way it came: its code on the wire and its own sentence. */
interface Coded extends Error {
  readonly code: string;
}

const isCoded = (error: unknown): error is Coded => error instanceof Error && typeof (error as Partial<Coded>).code === "string";

/** One sentence for a person, whatever was thrown. */
export function sentence(error: unknown): string {
  if (error instanceof ApiError) return ofApi(error);
  if (isCoded(error) && !OWN_CODES.has(error.code)) return refusal(error.message, error.code);
  return error instanceof Error && error.message ? error.message : t("failed");
}

/** Errors that this client makes, whose sentences are in the page's language already. */
const OWN_CODES = new Set(["offline", "timeout"]);

function ofApi(error: ApiError): string {
  const reason = error.isOffline || error.isOwn ? error.message : refusal(error.message, error.code, error.status);
  if (error.status !== 429 || !error.retryAfterS) return reason;
  return t("tryAgainIn", { reason, n: error.retryAfterS });
}

export async function problemOf(response: Response): Promise<ApiError> {
  let problem: Problem = { title: response.statusText };
  try {
    const body: unknown = await response.json();
    if (body && typeof body === "object") problem = body as Problem;
  } catch {
    // Not JSON, such as a proxy's page: the status says enough.
  }
  const after = Number(response.headers.get("Retry-After"));
  return new ApiError(response.status, problem, Number.isFinite(after) && after > 0 ? after : null);
}

export interface Request {
  method?: string;
  body?: unknown;
  token?: string | null;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  timeoutMs?: number;
  keepalive?: boolean;
}

function deadline(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

/** Fetch with a deadline. Throws ApiError for a lost connection; an abort by the caller stays an abort. */
export async function send(url: string, init: RequestInit, signal?: AbortSignal, timeoutMs = 15_000): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: deadline(signal, timeoutMs) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
}

/** The body. The connection may be lost, and the deadline come, after the head. */
async function read(response: Response, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
}

/** One JSON request under `/api/v1`; answers the parsed body, or undefined for 204. */
export async function request<T>(path: string, options: Request = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.token) headers["Authorization"] = `Bearer ${options.token}`;
  const init: RequestInit = { method: options.method ?? "GET", headers, keepalive: options.keepalive ?? false };
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  const response = await send(`/api/v1${path}`, init, options.signal, options.timeoutMs);
  if (!response.ok) throw await problemOf(response);
  const text = await read(response, options.signal);
  return (text ? JSON.parse(text) : undefined) as T;
}

/**
 * An address of this server as seen from here. The server writes its public address into media URLs; a page
 * that was opened by another name of the same machine (its address in the local network) stays with that one.
 */
export function local(url: string): string {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}

/** The address of a video or picture as a player takes it: of this server, or of the CDN before it. */
export function media(url: string): string {
  return new URL(url, location.href).href;
}

/** `part` is `name=value`. */
export const withQuery = (url: string, part: string): string => url + (url.includes("?") ? "&" : "?") + part;
