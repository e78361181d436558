/** Pictures of a post that is being written: chosen, sent at once, described, removed. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { sendFile } from "../../api/resumable";
import type { Picture } from "./draft";
import { t } from "./words";

interface PickerProps {
  /** How many more there may be. */
  room: number;
  onPicture: (picture: Picture) => void;
  onSending: (count: number) => void;
  onFailure: (sentence: string) => void;
  /** In place of words. */
  icon?: ComponentChildren;
}

/** A button that asks for files, with how far they are. */
export function PicturePicker({ room, onPicture, onSending, onFailure, icon }: PickerProps) {
  const input = useRef<HTMLInputElement>(null);
  const leaving = useRef(new AbortController());
  const [shares, setShares] = useState<Record<string, number>>({});
  useEffect(() => () => leaving.current.abort(), []);
  useEffect(() => onSending(Object.keys(shares).length), [shares]);

  const send = async (file: File, key: string): Promise<void> => {
    const note = (share: number): void => setShares((last) => ({ ...last, [key]: share }));
    note(0);
    try {
      const upload = await sendFile(file, { onProgress: note, signal: leaving.current.signal });
      if (upload.state === "ready" && upload.kind === "image" && upload.preview_url) onPicture({ id: upload.id, preview: upload.preview_url, alt: "" });
      else onFailure(t("pictureRefused", { name: file.name, why: upload.reason ?? t("noPicture") }));
    } catch (error) {
      if (!leaving.current.signal.aborted) onFailure(sentence(error));
    } finally {
      setShares(({ [key]: _, ...others }) => others);
    }
  };
  const chosen = (files: FileList | null): void => {
    onFailure("");
    Array.from(files ?? [])
      .slice(0, room)
      .forEach((file, place) => void send(file, `${Date.now()}-${place}`));
    if (input.current) input.current.value = "";
  };
  const all = Object.values(shares);
  return (
    <>
      <input ref={input} type="file" accept="image/*" multiple hidden onChange={(event) => chosen(event.currentTarget.files)} />
      <button
        type="button"
        class={icon ? "icon-button" : "button small"}
        aria-label={t("addPictures")}
        title={icon ? t("addPictures") : undefined}
        disabled={room < 1}
        onClick={() => input.current?.click()}
      >
        {icon ?? t("addPictures")}
      </button>
      {all.length > 0 && <progress value={all.reduce((sum, one) => sum + one, 0) / all.length} aria-label={t("sendingPictures")} />}
    </>
  );
}

/** The pictures with their alternative texts. */
export function PictureFields({ pictures, onChange }: { pictures: readonly Picture[]; onChange: (pictures: Picture[]) => void }) {
  const describe = (id: string, alt: string): void => onChange(pictures.map((one) => (one.id === id ? { ...one, alt } : one)));
  return (
    <ul class="composer-pictures">
      {pictures.map((one, place) => (
        <li key={one.id}>
          <img src={one.preview} alt="" width={88} height={88} />
          <input
            value={one.alt}
            maxLength={1500}
            dir="auto"
            placeholder={t("altText")}
            aria-label={t("altOf", { n: place + 1 })}
            onInput={(event) => describe(one.id, event.currentTarget.value)}
          />
          <button type="button" class="button small" aria-label={t("dropPicture", { n: place + 1 })} onClick={() => onChange(pictures.filter(({ id }) => id !== one.id))}>
            ✕
          </button>
        </li>
      ))}
    </ul>
  );
}
