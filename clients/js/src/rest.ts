/** Calls of the REST interface: signed, repeated after what passes, and carried out once. */
import { ConnectionLost, DeadlineExceeded, type FieldError, HttpRefused, SocialFlowError } from "./errors.js";
import type { Tokens } from "./tokens.js";
import { pauseMs, sleep } from "./waiting.js";

const PASSING = new Set([429, 503]);

export interface CallOptions {
  body?: unknown;
  query?: Record<string, string | number | undefined>;
  deadlineMs?: number;
  /** False: without a token. */
  isSigned?: boolean;
}

interface Problem {
  type?: string;
  title?: string;
  detail?: string;
  errors?: FieldError[];
}

export class Rest {
  readonly #base: string;
  readonly #tokens: Tokens;
  readonly #closed = new AbortController();

  constructor(url: string, tokens: Tokens) {
    this.#base = `${url}/api/v1`;
    this.#tokens = tokens;
  }

  close(): void {
    this.#closed.abort();
  }

  /** The answer's document. A POST carries an `Idempotency-Key`, so that it can be repeated within the deadline. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<unknown> {
    const endsAt = performance.now() + (options.deadlineMs ?? 30_000);
    const key = crypto.randomUUID();
    for (let attempt = 0; ; attempt++) {
      const leftMs = endsAt - performance.now();
      try {
        return await this.#signed(method, path, options, key, leftMs);
      } catch (error) {
        const isPassing = error instanceof ConnectionLost || (error instanceof HttpRefused && PASSING.has(error.status));
        if (!isPassing || this.#closed.signal.aborted) throw error;
        const waitMs = (error instanceof HttpRefused && error.retryAfterMs) || pauseMs(attempt);
        if (performance.now() + waitMs > endsAt) throw error instanceof HttpRefused ? error : new DeadlineExceeded(`${method} ${path}: ${error.message}`);
        await sleep(waitMs);
      }
    }
  }

  async #signed(method: string, path: string, options: CallOptions, key: string, leftMs: number): Promise<unknown> {
    const token = options.isSigned === false ? null : await this.#tokens.current();
    try {
      return await this.#once(method, path, options, key, token, leftMs);
    } catch (error) {
      if (!(error instanceof HttpRefused) || error.status !== 401 || token === null) throw error;
      return this.#once(method, path, options, key, await this.#tokens.renewed(token), leftMs);
    }
  }

  async #once(method: string, path: string, { body, query }: CallOptions, key: string, token: string | null, leftMs: number): Promise<unknown> {
    const url = new URL(this.#base + path);
    for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
    const headers: Record<string, string> = {};
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method === "POST") headers["Idempotency-Key"] = key;
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(Math.max(1, Math.ceil(leftMs)))]);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, { method, headers, signal, redirect: "error", ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      text = await response.text();
    } catch (error) {
      throw new ConnectionLost(String(error));
    }
    if (!response.ok) throw refusal(response, text);
    if (!text) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw new SocialFlowError(`${method} ${path} answered no JSON`);
    }
  }
}

function refusal(response: Response, text: string): HttpRefused {
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // A proxy's page: the status says enough.
  }
  const wait = Number(response.headers.get("Retry-After") ?? "");
  const told = {
    code: problem.type?.split("/").at(-1) || String(response.status),
    message: problem.detail ?? problem.title ?? `${response.status} ${response.statusText}`,
    field: problem.errors?.[0]?.field,
    retry_after_ms: wait > 0 ? wait * 1000 : undefined,
  };
  return new HttpRefused(response.status, told, problem.errors ?? []);
}
