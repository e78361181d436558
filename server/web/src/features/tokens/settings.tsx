/** The settings of the tokens by which programs act for a person. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { ago, listed, when } from "../../ui/format";
import { CopyButton, Field, Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { proved, Reauthentication } from "../factors/reauthentication";
import "../factors/factors.css";
import { addToken, deleteToken, listTokens, type Scope, type Token } from "./calls";
import type en from "./en";
import { t } from "./words";

const SCOPES = {
  read: "scopeRead",
  write: "scopeWrite",
  chat: "scopeChat",
  stream: "scopeStream",
  upload: "scopeUpload",
  moderate: "scopeModerate",
  money: "scopeMoney",
  admin: "scopeAdmin",
} as const satisfies Record<Scope, keyof typeof en>;

const DAYS = { "30": "days30", "90": "days90", "365": "days365", "": "never" } as const satisfies Record<string, keyof typeof en>;
const DAY_MS = 86_400_000;

const isScope = (name: string): name is Scope => name in SCOPES;

export default function Tokens() {
  const [tokens, setTokens] = useState<Token[] | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const load = async (): Promise<void> => setTokens((await listTokens()).items);
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  const added = (token: string): Promise<void> => {
    setShown(token);
    return load();
  };
  const remove = (one: Token): Promise<void> => attempt(() => deleteToken(one.id).then(load), t("deleted"));
  return (
    <div class="factors-form">
      {shown && <Shown token={shown} onKept={() => setShown(null)} />}
      <section class="panel" aria-labelledby="tokens">
        <h2 id="tokens">{t("tokens")}</h2>
        <p class="dim">{t("tokensText")}</p>
        {!tokens && <Spinner />}
        {tokens?.length === 0 && <p>{t("none")}</p>}
        {tokens && tokens.length > 0 && (
          <ul class="factors-list">
            {tokens.map((one) => (
              <li key={one.id}>
                <TokenRow token={one} onDelete={() => void remove(one)} />
              </li>
            ))}
          </ul>
        )}
      </section>
      <NewTokenForm onAdded={added} />
      <Reauthentication />
    </div>
  );
}

function Shown({ token, onKept }: { token: string; onKept: () => void }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), [token]);
  return (
    <section class="panel" aria-labelledby="token">
      <h2 id="token" ref={title} tabIndex={-1}>
        {t("yourToken")}
      </h2>
      <p>{t("shownOnce")}</p>
      <p class="factors-secret">
        <code class="mono" dir="ltr">
          {token}
        </code>
        <CopyButton text={token} label={t("copyToken")} />
      </p>
      <button type="button" class="button accent" onClick={onKept}>
        {t("kept")}
      </button>
    </section>
  );
}

function TokenRow({ token, onDelete }: { token: Token; onDelete: () => void }) {
  const scopes = token.scopes.map((one) => (isScope(one) ? t(SCOPES[one]) : one));
  const used = token.last_used_at ? t("lastUsed", { ago: ago(token.last_used_at) }) : t("notUsed");
  const ends = token.expires_at ? t("ends", { date: when(token.expires_at) }) : t("endsNever");
  return (
    <>
      <div>
        <strong>
          <bdi>{token.name}</bdi>
        </strong>
        <p>{listed(scopes)}</p>
        <p class="dim">{[used, ends].join(" · ")}</p>
      </div>
      <button type="button" class="button danger" aria-label={t("deleteIt", { name: token.name })} onClick={onDelete}>
        {t("delete")}
      </button>
    </>
  );
}

function NewTokenForm({ onAdded }: { onAdded: (token: string) => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["name", "scopes", "expires_at"], async (data) => {
    const days = Number(textOf(data, "days"));
    const scopes = data.getAll("scopes").map(String).filter(isScope);
    const expires_at = days ? new Date(Date.now() + days * DAY_MS).toISOString() : null;
    const made = await proved(() => addToken({ name: textOf(data, "name").trim(), scopes, expires_at }));
    form.current?.reset();
    await onAdded(made.token);
  });
  return (
    <form class="panel" ref={form} onSubmit={submit} noValidate aria-label={t("newToken")}>
      <h2>{t("newToken")}</h2>
      <FormError text={errors["form"] ?? errors["expires_at"]} />
      <Field label={t("name")} name="name" error={errors["name"]} hint={t("nameHint")}>
        {(ids) => <input {...ids} name="name" maxLength={64} autocomplete="off" required />}
      </Field>
      <Scopes error={errors["scopes"]} />
      <Field label={t("validFor")} name="days">
        {(ids) => (
          <select {...ids} name="days">
            {Object.entries(DAYS).map(([days, label]) => (
              <option key={days} value={days}>
                {t(label)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("make")}
      </button>
    </form>
  );
}

function Scopes({ error }: { error: string | undefined }) {
  const offered = Object.entries(SCOPES).filter(([scope]) => scope !== "admin" || me.value?.roles.includes("admin"));
  return (
    <fieldset class="choice" aria-describedby={error ? "scopes-error" : undefined}>
      <legend>{t("mayDo")}</legend>
      {offered.map(([scope, label]) => (
        <label key={scope}>
          <input type="checkbox" name="scopes" value={scope} defaultChecked={scope === "read"} aria-invalid={Boolean(error)} />
          <span>{t(label)}</span>
        </label>
      ))}
      {error && (
        <p class="error" id="scopes-error">
          {error}
        </p>
      )}
    </fieldset>
  );
}
