/** The access token that calls and connections carry, and where a new one comes from. */
import { HttpRefused, SignInRequired } from "./errors.js";

/** Answers a token that the server takes. Called at first, and when the last one is no longer taken. */
export type Renew = () => Promise<string>;

export class Tokens {
  #token: string | null;
  #renew: Renew | null;
  #renewing: Promise<string> | null = null;

  constructor(token: string | Renew | null) {
    this.#renew = typeof token === "function" ? token : null;
    this.#token = typeof token === "string" ? token : null;
  }

  renewBy(renew: Renew): void {
    this.#renew = renew;
  }

  async current(): Promise<string | null> {
    return this.#token === null && this.#renew !== null ? this.renewed(null) : this.#token;
  }

  /** A token other than the one that was refused; callers at the same time get the same one. */
  async renewed(refused: string | null): Promise<string> {
    if (this.#token !== null && this.#token !== refused) return this.#token;
    if (this.#renew === null) throw new SignInRequired({ code: "token_invalid", message: "The token is not taken, and cannot be renewed." });
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
    this.#token = await this.#renewing;
    return this.#token;
  }
}

export interface TokenPair {
  access_token: string;
  refresh_token?: string | null;
}

/** Sends a body to a path, without a token. */
export type Post = (path: string, body: object) => Promise<TokenPair>;

/** Signs in once, and then exchanges refresh tokens; signs in again when one is not taken. */
export function passwordLogin(post: Post, credentials: { login: string; password: string; totp?: string }): Renew {
  let refreshToken: string | null = null;
  const refreshed = async (): Promise<TokenPair | null> => {
    if (refreshToken === null) return null;
    try {
      return await post("/auth/refresh", { refresh_token: refreshToken });
    } catch (error) {
      if (error instanceof HttpRefused && error.status === 401) return null;
      throw error;
    }
  };
  return async () => {
    const pair = (await refreshed()) ?? (await post("/auth/login", credentials));
    refreshToken = pair.refresh_token ?? null;
    return pair.access_token;
  };
}
