/** The emotes that may be written in the person's rooms. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { Field, Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { BadgesPanel } from "./badges";
import { addEmote, type Emote, myEmotes, removeEmote } from "./calls";
import { TYPES } from "./files";
import "./emotes.css";
import { t } from "./words";

export default function EmoteSettings() {
  const [emotes, setEmotes] = useState<Emote[] | null>(null);
  const load = async (): Promise<void> => setEmotes((await myEmotes()).items);
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  const remove = (one: Emote): Promise<void> => attempt(() => removeEmote(one.id).then(load), t("removed"));
  return (
    <div class="stream-form">
      <section class="panel" aria-labelledby="emotes">
        <h2 id="emotes">{t("emotes")}</h2>
        <p class="dim">{t("emotesText")}</p>
        {!emotes && <Spinner />}
        {emotes?.length === 0 && <p>{t("none")}</p>}
        <ul class="emotes-list">
          {emotes?.map((one) => (
            <li key={one.id}>
              <img src={one.url} alt="" width={56} height={56} />
              <bdi class="mono">:{one.name}:</bdi>
              <button type="button" class="button" aria-label={t("removeIt", { name: one.name })} onClick={() => void remove(one)}>
                {t("remove")}
              </button>
            </li>
          ))}
        </ul>
      </section>
      <NewEmote onAdded={load} />
      <BadgesPanel />
    </div>
  );
}

function NewEmote({ onAdded }: { onAdded: () => Promise<void> }) {
  const [missing, setMissing] = useState(false);
  const { form, errors, busy, submit } = useSending(["name"], async (data) => {
    const file = data.get("file");
    const isChosen = file instanceof File && file.size > 0;
    setMissing(!isChosen);
    if (!isChosen) return;
    await addEmote(textOf(data, "name").trim(), file);
    form.current?.reset();
    toast(t("added"), "good");
    await onAdded();
  });
  return (
    <form class="panel" ref={form} onSubmit={submit} noValidate aria-label={t("newEmote")}>
      <h2>{t("newEmote")}</h2>
      <FormError text={errors["form"]} />
      <Field label={t("name")} name="name" hint={t("nameHint")} error={errors["name"]}>
        {(ids) => <input {...ids} name="name" maxLength={32} dir="ltr" autocomplete="off" required />}
      </Field>
      <Field label={t("file")} name="file" hint={t("fileHint")} error={missing ? t("choose") : undefined}>
        {(ids) => <input {...ids} type="file" name="file" accept={TYPES} required />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("add")}
      </button>
    </form>
  );
}
