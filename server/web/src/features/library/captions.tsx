/** Captions files of a video, by language. */
import { useEffect, useState } from "preact/hooks";
import { Field } from "../../ui/parts";
import { attempt, textOf } from "../../ui/sending";
import { captionsOf, putCaptions, removeCaptions, type CaptionsOf } from "./calls";
import { t } from "./words";

export function CaptionFiles({ videoId }: { videoId: string }) {
  const [languages, setLanguages] = useState<CaptionsOf[]>([]);
  const load = async (): Promise<void> => setLanguages((await captionsOf(videoId)).items);
  useEffect(() => void load().catch(() => undefined), [videoId]);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const file = data.get("file");
    if (!(file instanceof File)) return;
    await attempt(async () => {
      await putCaptions(videoId, textOf(data, "language").toLowerCase(), await file.text());
      await load();
    }, t("saved"));
  };
  const remove = (language: string): Promise<void> =>
    attempt(async () => {
      await removeCaptions(videoId, language);
      await load();
    }, t("removed"));
  return (
    <form class="panel" aria-labelledby="captions-title" onSubmit={(event) => void send(event)}>
      <h2 id="captions-title">{t("captions")}</h2>
      <ul>
        {languages.map(({ language, cues }) => (
          <li key={language} class="video-bar">
            <bdi>{language}</bdi> <span class="dim">{t("cues", { n: cues })}</span>
            <button type="button" class="button small" aria-label={t("removeCaptions", { language })} onClick={() => void remove(language)}>
              {t("remove")}
            </button>
          </li>
        ))}
      </ul>
      <Field label={t("language")} name="language">
        {(ids) => <input {...ids} name="language" required maxLength={35} pattern="[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*" dir="ltr" />}
      </Field>
      <Field label={t("captionsFile")} name="file">
        {(ids) => <input {...ids} type="file" name="file" accept=".vtt,.srt" required />}
      </Field>
      <button type="submit" class="button">
        {t("addCaptions")}
      </button>
    </form>
  );
}
