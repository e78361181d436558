/** The ways to sign in besides a password: a passkey, and other providers. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { expectSession, signInByPasskey } from "../../api/session";
import { navigate, returnPath } from "../../router";
import { passkeyRequest, signInMethods, startPath, type Methods } from "../factors/calls";
import { hasPasskeys, isTurnedBack, showPasskey } from "../factors/webauthn";
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
      {offersPasskeys && <PasskeyButton onFailure={onFailure} />}
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

function PasskeyButton({ onFailure }: { onFailure: (words: string) => void }) {
  const [isBusy, setBusy] = useState(false);
  const show = async (): Promise<void> => {
    setBusy(true);
    try {
      const { ticket, options } = await passkeyRequest();
      await signInByPasskey({ ticket, credential: await showPasskey(options) });
      navigate(returnPath(), true);
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
