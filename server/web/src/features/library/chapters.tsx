/** The chapters of a video, written as lines. */
import { useState } from "preact/hooks";
import { Field } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { changeVideo, type Video } from "./calls";
import { read, written } from "./chapter-lines";
import { t } from "./words";

export function ChapterLines({ video, onChange }: { video: Video; onChange: (video: Video) => void }) {
  const [text, setText] = useState(written(video.chapters));
  const [bad, setBad] = useState("");
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const chapters = read(text);
    setBad(typeof chapters === "number" ? t("chapterLine", { n: chapters }) : "");
    if (typeof chapters === "number") return;
    await attempt(async () => {
      const changed = await changeVideo(video.id, { chapters });
      setText(written(changed.chapters));
      onChange(changed);
    }, t("saved"));
  };
  return (
    <form class="panel" aria-labelledby="chapter-lines-title" onSubmit={(event) => void save(event)}>
      <h2 id="chapter-lines-title">{t("chapters")}</h2>
      <Field label={t("chapterLines")} name="chapters" error={bad}>
        {(ids) => (
          <textarea {...ids} name="chapters" rows={5} dir="auto" maxLength={40_000} placeholder={t("chapterExample")} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        )}
      </Field>
      <button type="submit" class="button">
        {t("save")}
      </button>
    </form>
  );
}
