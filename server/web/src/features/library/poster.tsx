/** The picture that stands for a video: one that is sent, or one of the video itself. */
import { useRef, useState } from "preact/hooks";
import { sendFile } from "../../api/resumable";
import { attempt } from "../../ui/sending";
import { putPoster, removePoster, type Video } from "./calls";
import { t } from "./words";

export function Poster({ video, onChange }: { video: Video; onChange: (video: Video) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [isBusy, setBusy] = useState(false);
  const act = async (change: () => Promise<Video>): Promise<void> => {
    setBusy(true);
    await attempt(async () => onChange(await change()), t("saved"));
    setBusy(false);
  };
  const send = (file: File | undefined): void => {
    if (file) void act(async () => putPoster(video.id, await sent(file)));
  };
  return (
    <section class="panel" aria-labelledby="poster-title">
      <h2 id="poster-title">{t("poster")}</h2>
      <p class="dim">{t("posterText")}</p>
      <input ref={input} type="file" accept="image/*" hidden onChange={(event) => send(event.currentTarget.files?.[0])} />
      <div class="form-actions">
        <button type="button" class="button" disabled={isBusy} onClick={() => input.current?.click()}>
          {t("choosePoster")}
        </button>
        <button type="button" class="button" disabled={isBusy} onClick={() => void act(() => removePoster(video.id))}>
          {t("ownPoster")}
        </button>
      </div>
    </section>
  );
}

/** The id of the picture, once it may be used. Throws what is to be shown. */
async function sent(file: File): Promise<string> {
  const upload = await sendFile(file, { onProgress: () => undefined, signal: new AbortController().signal });
  if (upload.state === "refused") throw new Error(t("refused", { name: file.name, why: upload.reason ?? "" }));
  if (upload.kind !== "image") throw new Error(t("notPicture"));
  return upload.id;
}
