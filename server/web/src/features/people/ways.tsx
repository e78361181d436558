/** The ways to sign in besides a password: a passkey, and other providers. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { expectSession, signInByPasskey } from "../../api/session";
import { navigate, returnPath } from "../../router";
import { passkeyRequest, signInMethods, startPath, type Methods } from "../factors/calls";
import { hasPasskeys, isTurnedBack, mayOfferPasskeys, offerPasskeys, showPasskey } from "../factors/webauthn";
import { t } from "./words";

/** `onFailure` gets a sentence for the person. */
export function OtherWays({ onFailure }: { onFailure: (words: string) => void }) {
  const [methods, setMethods] = useState<Methods | null>(null);
  // Without an answer the form for a password is there all the same.
  useEffect(() => void signInMethods().then(setMethods, () => undefined), []);
  const offersPasskeys = Boolean(methods?.passkeys) && hasPasskeys();
  if (!methods || !(offersPasskeys || methods.oauth.length)) return null;
  return (
    <div class="ways" role="group" aria-label={t("otherWays")}>
      <p class="ways-or" aria-hidden="true">
        {t("or")}
      </p>
      {offersPasskeys && <ByPasskey onFailure={onFailure} />}
      {methods.oauth.map(({ provider, name }) => (
        <a key={provider} class="button large" href={startPath(provider, localPath(returnPath()))} onClick={expectSession}>
          {t("continueWith", { name })}
        </a>
      ))}
    </div>
  );
}

/** In the characters that an address has on the wire. */
function localPath(path: string): string {
  const { pathname, search } = new URL(path, location.origin);
  return pathname + search;
}

function ByPasskey({ onFailure }: { onFailure: (words: string) => void }) {
  const [isBusy, setBusy] = useState(false);
  // While the button's own request is open there is no offer in the field: a page may have one request at a time.
  useEffect(() => (isBusy ? undefined : offered(onFailure)), [isBusy]);
  const show = async (): Promise<void> => {
    setBusy(true);
    try {
      const { ticket, options } = await passkeyRequest();
      await take(ticket, await showPasskey(options));
    } catch (error) {
      onFailure(isTurnedBack(error) ? t("passkeyTurnedBack") : sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <button type="button" class="button large" disabled={isBusy} onClick={() => void show()}>
      {t("byPasskey")}
    </button>
  );
}

async function take(ticket: string, credential: Awaited<ReturnType<typeof showPasskey>>): Promise<void> {
  await signInByPasskey({ ticket, credential });
  navigate(returnPath(), true);
}

/** An offer is made anew before its challenge is too old. */
const OFFER_MS = 240_000;

/** Offers passkeys in the sign-in's field; answers what ends that. */
function offered(onFailure: (words: string) => void): () => void {
  const ended = new AbortController();
  const offer = async (): Promise<void> => {
    const { ticket, options } = await passkeyRequest();
    if (ended.signal.aborted) return;
    const timer = setTimeout(begin, OFFER_MS);
    ended.signal.addEventListener("abort", () => clearTimeout(timer));
    const credential = await offerPasskeys(options, ended.signal);
    clearTimeout(timer);
    await take(ticket, credential).catch((error: unknown) => onFailure(sentence(error)));
  };
  // What hinders the offer is not told: nobody has asked for it, and the button tells the same.
  const begin = (): void => void offer().catch(() => undefined);
  void mayOfferPasskeys().then((may) => may && begin());
  return () => ended.abort();
}
