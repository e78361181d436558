/**
 * Sensitive calls want a recent proof of who is there: the server answers them with 401 `reauthentication-required`.
 * `proved` asks for the proof in a dialog and makes the call again.
 */
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, OWN_TYPE, sentence } from "../../api/http";
import { me } from "../../api/session";
import { Field } from "../../ui/parts";
import { FormError, Secret, textOf, useSending } from "../../ui/sending";
import { getFactors, listLinks, listPasskeys, passkeyRequest, reauthenticate, reauthenticateByPasskey, startPath, type Link } from "./calls";
import { hasPasskeys, isTurnedBack, showPasskey } from "./webauthn";
import { t } from "./words";
import "./factors.css";

interface Asked {
  /** The person has a second factor: its code is the proof, else the password. */
  hasCode: boolean;
  hasPassword: boolean;
  hasPasskey: boolean;
  /** Providers by which the person may sign in again, where that is the only proof there is. */
  links: Link[];
  done: () => void;
  refused: (error: ApiError) => void;
}

const asked = signal<Asked | null>(null);

/** `act`, again once the person has proved who it is. Throws what `act` throws, and an `ApiError` when they turn back. */
export async function proved<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "reauthentication-required") throw error;
    await ask();
    return act();
  }
}

async function ask(): Promise<void> {
  const [factors, passkeys] = await Promise.all([getFactors(), listPasskeys()]);
  const hasCode = factors.totp !== null;
  const hasPassword = me.peek()?.has_password ?? true;
  const links = hasCode || hasPassword ? [] : (await listLinks()).items;
  const given = { hasCode, hasPassword, hasPasskey: passkeys.items.length > 0 && hasPasskeys(), links };
  asked.peek()?.refused(turnedBack());
  await new Promise<void>((done, refused) => (asked.value = { ...given, done, refused }));
}

const turnedBack = (): ApiError => new ApiError(401, { type: OWN_TYPE, title: t("notProved") });

/** Stands in each page that calls `proved`. */
export function Reauthentication() {
  const now = asked.value;
  useEffect(() => () => finish(null), []);
  return now && <Dialog asked={now} />;
}

function finish(proof: "given" | null): void {
  const now = asked.peek();
  asked.value = null;
  if (proof) now?.done();
  else now?.refused(turnedBack());
}

function Dialog({ asked: { hasCode, hasPassword, hasPasskey, links } }: { asked: Asked }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState("");
  useEffect(() => dialog.current?.showModal(), []);
  // Closed first, as that gives the focus back to what had it.
  const done = (): void => {
    dialog.current?.close();
    finish("given");
  };
  const { form, errors, busy, submit } = useSending(["password", "totp"], async (data) => {
    setFailure("");
    await reauthenticate(hasCode ? { totp: textOf(data, "totp").trim() } : { password: textOf(data, "proof") });
    done();
  });
  const canType = hasCode || hasPassword;
  return (
    <dialog class="dialog" ref={dialog} onClose={() => finish(null)} aria-labelledby="proof-title" aria-describedby="proof-text">
      <form class="factors-form" ref={form} onSubmit={submit} noValidate>
        <h2 id="proof-title">{t("proveTitle")}</h2>
        <p id="proof-text">{t("proveText")}</p>
        <FormError text={failure || errors["form"]} />
        {hasCode && <CodeField name="totp" error={errors["totp"]} />}
        {!hasCode && hasPassword && <ProofPassword error={errors["password"]} />}
        {!canType && <p>{hasPasskey ? t("proveByPasskey") : t("noPassword")}</p>}
        <div class="factors-row">
          {canType && (
            <button type="submit" class="button accent" disabled={busy}>
              {t("prove")}
            </button>
          )}
          {links.map(({ provider, name }) => (
            <a key={provider} class="button" href={startPath(provider, location.pathname)}>
              {t("signInAgain", { name })}
            </a>
          ))}
          {hasPasskey && <PasskeyProof onDone={done} onFailure={setFailure} />}
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t("cancel")}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function ProofPassword({ error }: { error: string | undefined }) {
  return (
    <Field label={t("password")} name="proof" error={error}>
      {(ids) => <Secret {...ids} name="proof" autocomplete="current-password" />}
    </Field>
  );
}

export function CodeField({ name, error, hint = t("codeHint") }: { name: string; error: string | undefined; hint?: string }) {
  return (
    <Field label={t("code")} name={name} error={error} hint={hint}>
      {(ids) => <input {...ids} name={name} dir="ltr" autocapitalize="none" autocomplete="one-time-code" spellcheck={false} required />}
    </Field>
  );
}

function PasskeyProof({ onDone, onFailure }: { onDone: () => void; onFailure: (words: string) => void }) {
  const prove = async (): Promise<void> => {
    try {
      const { ticket, options } = await passkeyRequest();
      await reauthenticateByPasskey({ ticket, credential: await showPasskey(options) });
      onDone();
    } catch (error) {
      onFailure(isTurnedBack(error) ? t("passkeyTurnedBack") : sentence(error));
    }
  };
  return (
    <button type="button" class="button" onClick={() => void prove()}>
      {t("byPasskey")}
    </button>
  );
}
