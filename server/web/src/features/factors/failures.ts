/** What a provider's callback says of a sign-in that failed, by the code in `#error=`. */
import type en from "./en";
import { t } from "./words";

const BY_CODE = {
  denied: "failedDenied",
  "email-missing": "failedNoEmail",
  "email-taken": "failedEmailTaken",
  "confirm-by-mail": "failedByMail",
  "linked-elsewhere": "failedElsewhere",
  "linked-already": "failedAlready",
  suspended: "failedSuspended",
} as const satisfies Record<string, keyof typeof en>;

export function failureWords(code: string): string {
  return t(code in BY_CODE ? BY_CODE[code as keyof typeof BY_CODE] : "failedOther");
}

/** The members of the address's fragment, which is taken out of it: a reload does not say it again. */
export function takeFragment(): URLSearchParams {
  const found = new URLSearchParams(location.hash.slice(1));
  if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
  return found;
}
