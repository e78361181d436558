/** The server's refusals in the page's language. Its own sentences are English, and say more than a code can. */
import { isTranslated } from "../i18n/catalogue";
import type en from "./en";
import { t } from "./words";

type Key = Exclude<keyof typeof en, "answered" | "tryAgainIn">;

/** By the code of a refused event, or the end of a problem's `type`. */
const BY_CODE: Readonly<Record<string, Key>> = {
  "wrong-credentials": "credentials",
  "wrong-password": "password",
  "wrong-code": "code",
  "totp-required": "codeNeeded",
  "totp-needed": "codeNeeded",
  "password-needed": "password",
  "reauthentication-required": "proof",
  "passkey-refused": "passkey",
  "user-verification-required": "unlocked",
  "code-invalid": "tooOld",
  "link-invalid": "tooOld",
  "password-change-required": "ownPassword",
  "last-sign-in": "lastWay",
  "provider-away": "providerAway",
  "too-many-guesses": "guesses",
  "too-many-guests": "guests",
  "email-not-verified": "unverified",
  "not-found": "notFound",
  "rate-limited": "tooMany",
  "too-many-requests": "tooMany",
  "too-large": "tooLarge",
  "timed-out": "timedOut",
  "private-account": "privateAccount",
  "followers-only": "followersOnly",
  "subscribers-only": "subscribersOnly",
  "emotes-only": "emotesOnly",
  "slow-mode": "slowMode",
  "empty-text": "emptyText",
  "text-too-long": "textTooLong",
  "not-live": "notLive",
  suspended: "suspended",
  yourself: "yourself",
  blocked: "blocked",
  taken: "taken",
  banned: "banned",
  silenced: "silenced",
  "poll-closed": "pollClosed",
  "already-voted": "alreadyVoted",
  "too-many-polls": "tooManyOpen",
  "too-many-predictions": "tooManyOpen",
  "prediction-locked": "predictionLocked",
  "prediction-over": "predictionOver",
  "other-outcome": "otherOutcome",
  "not-enough-points": "notEnoughPoints",
  "raids-refused": "raidsRefused",
  "raid-circle": "raidCircle",
  "raid-pending": "conflict",
  "target-private": "raidsRefused",
  "no-raid": "notFound",
  "reward-paused": "rewardPaused",
  "queue-full": "unavailable",
  "already-decided": "conflict",
  ended: "ended",
  interrupted: "interrupted",
  forbidden: "forbidden",
  unauthorized: "unauthorized",
  unauthenticated: "unauthorized",
  invalid: "invalid",
  malformed: "malformed",
  conflict: "conflict",
  gone: "gone",
  internal: "internal",
  busy: "unavailable",
  overloaded: "unavailable",
  unavailable: "unavailable",
};

const BY_STATUS: Readonly<Record<number, Key>> = {
  400: "malformed",
  401: "unauthorized",
  403: "forbidden",
  404: "notFound",
  409: "conflict",
  410: "gone",
  413: "tooLarge",
  422: "invalid",
  429: "tooMany",
  500: "internal",
  503: "unavailable",
};

/** `own`: the server's sentence. `code`: as on the wire, with dashes or underscores. */
export function refusal(own: string, code: string, status?: number): string {
  if (!isTranslated()) return own;
  return t(BY_CODE[code.replaceAll("_", "-")] ?? BY_STATUS[status ?? 0] ?? "refused");
}
