import { useEffect, useState } from "preact/hooks";
import { ApiError, OWN_TYPE, sentence } from "../../api/http";
import { ago, when } from "../../ui/format";
import { Field, Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { addPasskey, listPasskeys, passkeyOptions, removePasskey, type Passkey } from "./calls";
import { proved } from "./reauthentication";
import { createPasskey, hasPasskeys, isTurnedBack } from "./webauthn";
import { t } from "./words";

export function Passkeys() {
  const [passkeys, setPasskeys] = useState<Passkey[] | null>(null);
  const load = async (): Promise<void> => setPasskeys((await listPasskeys()).items);
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  const remove = (one: Passkey): Promise<void> => attempt(() => proved(() => removePasskey(one.id)).then(load), t("passkeyRemoved"));
  return (
    <section class="panel" aria-labelledby="passkeys">
      <h2 id="passkeys">{t("passkeys")}</h2>
      <p class="dim">{t("passkeysText")}</p>
      {!passkeys && <Spinner />}
      {passkeys && passkeys.length > 0 && (
        <ul class="factors-list">
          {passkeys.map((one) => (
            <li key={one.id}>
              <PasskeyRow passkey={one} onRemove={() => void remove(one)} />
            </li>
          ))}
        </ul>
      )}
      {hasPasskeys() ? <NewPasskey onAdded={load} /> : <p class="note">{t("noPasskeysHere")}</p>}
    </section>
  );
}

function PasskeyRow({ passkey, onRemove }: { passkey: Passkey; onRemove: () => void }) {
  const used = passkey.last_used_at ?? passkey.created_at;
  return (
    <>
      <div>
        <strong>
          <bdi>{passkey.name}</bdi>
        </strong>{" "}
        {passkey.is_backed_up && <span class="badge">{t("synced")}</span>}
        <p class="dim" title={when(used)}>
          {passkey.last_used_at ? t("lastUsed", { ago: ago(used) }) : t("added", { ago: ago(used) })}
        </p>
      </div>
      <button type="button" class="button" aria-label={t("removeIt", { name: passkey.name })} onClick={onRemove}>
        {t("remove")}
      </button>
    </>
  );
}

function NewPasskey({ onAdded }: { onAdded: () => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["name"], async (data) => {
    await add(textOf(data, "name").trim() || t("defaultName"));
    form.current?.reset();
    toast(t("passkeyAdded"), "good");
    await onAdded();
  });
  return (
    <form class="factors-form" ref={form} onSubmit={submit} noValidate aria-label={t("addPasskey")}>
      <FormError text={errors["form"]} />
      <Field label={t("passkeyName")} name="name" error={errors["name"]} hint={t("passkeyNameHint")}>
        {(ids) => <input {...ids} name="name" maxLength={64} autocomplete="off" />}
      </Field>
      <button type="submit" class="button" disabled={busy}>
        {t("addPasskey")}
      </button>
    </form>
  );
}

async function add(name: string): Promise<void> {
  const options = await proved(passkeyOptions);
  try {
    await addPasskey({ name, credential: await createPasskey(options) });
  } catch (error) {
    if (isTurnedBack(error)) throw new ApiError(0, { type: OWN_TYPE, title: t("passkeyTurnedBack") });
    if (error instanceof DOMException && error.name === "InvalidStateError") throw new ApiError(0, { type: OWN_TYPE, title: t("passkeyKnown") });
    throw error;
  }
}
