/** What goes wrong. All are `SocialFlowError`. */

export class SocialFlowError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** The server cannot be reached, or the connection ended before the answer: it is not known what was carried out. */
export class ConnectionLost extends SocialFlowError {}

/** No answer within the deadline. With the same `clientId` a message that did arrive is not posted twice. */
export class DeadlineExceeded extends SocialFlowError {
  readonly clientId: string | null;

  constructor(message: string, clientId: string | null = null) {
    super(message);
    this.clientId = clientId;
  }
}

/** The client, or the room, was left. */
export class ClientClosed extends SocialFlowError {}

/** The server ended the session: sign in again. */
export class SessionRevoked extends SocialFlowError {
  readonly reason: string;

  constructor(reason: string) {
    super(`the session was ended: ${reason}`);
    this.reason = reason;
  }
}

export interface Refusal {
  code: string;
  message: string;
  field?: string | undefined;
  retry_after_ms?: number | undefined;
}

/** The server answered no. `code` is for programs, `message` for people; `field` names what was wrong in the request. */
export class Refused extends SocialFlowError {
  readonly code: string;
  readonly field: string | null;
  /** When the same may be asked again, if the server told. */
  readonly retryAfterMs: number | null;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.code = refusal.code;
    this.field = refusal.field ?? null;
    this.retryAfterMs = refusal.retry_after_ms ?? null;
  }
}

/** The token is not taken, and there is no way to a new one. */
export class SignInRequired extends Refused {}

export interface FieldError {
  field: string;
  message: string;
}

/** A REST call was answered with a problem (RFC 9457). `code` is the last part of its `type`. */
export class HttpRefused extends Refused {
  readonly status: number;
  readonly errors: readonly FieldError[];

  constructor(status: number, refusal: Refusal, errors: readonly FieldError[]) {
    super(refusal);
    this.status = status;
    this.errors = errors;
  }
}
