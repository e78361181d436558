/** The access token that calls and connections carry, and where a new one comes from. */
import { SignInRequired } from "./errors.js";

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
