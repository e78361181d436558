/** A video is sent: dropped or chosen, resumed after a reload, named meanwhile, and followed until it is encoded. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { sendFile } from "../../api/resumable";
import { percent } from "../../ui/format";
import { Field } from "../../ui/parts";
import { FormError, textOf } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { createVideo, type Video } from "./calls";
import { VisibilityOptions } from "./visibility";
import { whole } from "./whole";
import { t } from "./words";

const withoutEnding = (name: string): string => name.replace(/\.[^.]+$/, "").slice(0, 140) || name.slice(0, 140);

export function Upload({ onPublished }: { onPublished: (video: Video) => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [isOver, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const take = (files: FileList | null | undefined): void => setFile(files?.[0] ?? null);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer?.files);
  };
  const over = (event: DragEvent): void => {
    event.preventDefault();
    setOver(true);
  };
  if (file) {
    return <Sending key={`${file.name}-${file.size}-${file.lastModified}`} file={file} onDone={(video) => { setFile(null); if (video) onPublished(video); }} />;
  }
  return (
    <section class={`panel video-drop${isOver ? " is-over" : ""}`} aria-labelledby="upload-title" onDragOver={over} onDragLeave={() => setOver(false)} onDrop={drop}>
      <h2 id="upload-title">{t("upload")}</h2>
      <p class="dim">{t("drop")}</p>
      <input ref={input} type="file" accept="video/*,.mkv" hidden onChange={(event) => take(event.currentTarget.files)} />
      <button type="button" class="button accent" onClick={() => input.current?.click()}>
        {t("choose")}
      </button>
    </section>
  );
}

type Named = { title: string; description: string; post: boolean; visibility: Video["visibility"] };

function Sending({ file, onDone }: { file: File; onDone: (video: Video | null) => void }) {
  const leaving = useRef(new AbortController());
  const upload = useRef<Promise<string> | null>(null);
  const [share, setShare] = useState(0);
  const [failure, setFailure] = useState("");
  const [isWaiting, setWaiting] = useState(false);
  useEffect(() => {
    upload.current = sent(file, setShare, leaving.current.signal);
    upload.current.catch((error: unknown) => !leaving.current.signal.aborted && setFailure(sentence(error)));
    return () => leaving.current.abort();
  }, []);
  const publish = async (event: Event): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const named = { title: textOf(data, "title"), description: textOf(data, "description"), visibility: textOf(data, "visibility"), post: data.has("post") } as Named;
    setWaiting(true);
    try {
      const uploadId = await upload.current;
      const { video } = await createVideo({ ...named, upload_id: uploadId ?? "" } as Parameters<typeof createVideo>[0]);
      toast(t("published"), "good");
      onDone(video);
    } catch (error) {
      setFailure(sentence(error));
      setWaiting(false);
    }
  };
  return (
    <form class="panel" aria-labelledby="upload-title" onSubmit={(event) => void publish(event)}>
      <h2 id="upload-title">{t("upload")}</h2>
      <Bar share={whole(share, 0)} label={t("sending", { name: file.name })} />
      <Field label={t("title")} name="title">
        {(ids) => <input {...ids} name="title" required maxLength={140} dir="auto" defaultValue={withoutEnding(file.name)} />}
      </Field>
      <Field label={t("description")} name="description">
        {(ids) => <textarea {...ids} name="description" maxLength={5000} rows={3} dir="auto" />}
      </Field>
      <Field label={t("visibility")} name="visibility">
        {(ids) => (
          <select {...ids} name="visibility">
            <VisibilityOptions />
          </select>
        )}
      </Field>
      <label class="check">
        <input type="checkbox" name="post" defaultChecked /> {t("alsoPost")}
      </label>
      {isWaiting && share < 1 && <p role="status" class="dim">{t("sendFirst")}</p>}
      <FormError text={failure} />
      <div class="form-actions">
        <button type="submit" class="button accent" disabled={isWaiting}>
          {t("publish")}
        </button>
        <button type="button" class="button" onClick={() => onDone(null)}>
          {t("cancel")}
        </button>
      </div>
    </form>
  );
}

/** The id of the upload, once it may be used. Throws what is to be shown. */
async function sent(file: File, onProgress: (share: number) => void, signal: AbortSignal): Promise<string> {
  const upload = await sendFile(file, { onProgress, signal });
  if (upload.state === "refused") throw new Error(t("refused", { name: file.name, why: upload.reason ?? "" }));
  if (upload.kind !== "video") throw new Error(t("notVideo"));
  return upload.id;
}

export function Bar({ share, label }: { share: number; label: string }) {
  return (
    <p class="video-bar">
      <progress value={share} aria-label={label} /> <span>{label}</span> <span class="dim">{percent(share)}</span>
    </p>
  );
}
