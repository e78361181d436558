/** Captions of a video, by language: sent as files, or written and changed here. */
import { useEffect, useState } from "preact/hooks";
import { Field } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { captionsIn, captionsOf, putCaptions, removeCaptions, type CaptionsOf } from "./calls";
import { t } from "./words";

const BEGUN = "WEBVTT\n\n00:00.000 --> 00:02.000\n\n";

export function CaptionFiles({ videoId }: { videoId: string }) {
  const [languages, setLanguages] = useState<CaptionsOf[]>([]);
  const [language, setLanguage] = useState("");
  const [text, setText] = useState<string | null>(null);
  const load = async (): Promise<void> => setLanguages((await captionsOf(videoId)).items);
  useEffect(() => void load().catch(() => undefined), [videoId]);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const file = new FormData(event.currentTarget as HTMLFormElement).get("file");
    await attempt(async () => {
      await putCaptions(videoId, language.toLowerCase(), file instanceof File ? await file.text() : (text ?? ""));
      setText(null);
      await load();
    }, t("saved"));
  };
  const edit = (chosen: string): Promise<void> =>
    attempt(async () => {
      setText(await captionsIn(videoId, chosen));
      setLanguage(chosen);
    });
  const remove = (chosen: string): Promise<void> =>
    attempt(async () => {
      await removeCaptions(videoId, chosen);
      await load();
    }, t("removed"));
  return (
    <form class="panel" aria-labelledby="captions-title" onSubmit={(event) => void send(event)}>
      <h2 id="captions-title">{t("captions")}</h2>
      {languages.length > 0 && (
        <ul class="plain-list">
          {languages.map((one) => (
            <li key={one.language} class="video-bar">
              <bdi>{one.language}</bdi> <span class="dim">{t("cues", { n: one.cues })}</span>
              <button type="button" class="button small" aria-label={t("editCaptions", { language: one.language })} onClick={() => void edit(one.language)}>
                {t("edit")}
              </button>
              <button type="button" class="button small" aria-label={t("removeCaptions", { language: one.language })} onClick={() => void remove(one.language)}>
                {t("remove")}
              </button>
            </li>
          ))}
        </ul>
      )}
      <Field label={t("language")} name="language">
        {(ids) => (
          <input {...ids} name="language" required maxLength={35} pattern="[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*" dir="ltr" value={language} onInput={(event) => setLanguage(event.currentTarget.value)} />
        )}
      </Field>
      {text === null ? (
        <Field label={t("captionsFile")} name="file">
          {(ids) => <input {...ids} type="file" name="file" accept=".vtt,.srt" required />}
        </Field>
      ) : (
        <Field label={t("captionsText")} name="text">
          {(ids) => <textarea {...ids} class="captions-text" name="text" rows={12} dir="ltr" spellcheck required value={text} onInput={(event) => setText(event.currentTarget.value)} />}
        </Field>
      )}
      <div class="form-actions">
        <button type="submit" class="button">
          {t(text === null ? "addCaptions" : "save")}
        </button>
        <button type="button" class="button" onClick={() => setText(text === null ? BEGUN : null)}>
          {t(text === null ? "writeCaptions" : "cancel")}
        </button>
      </div>
    </form>
  );
}
