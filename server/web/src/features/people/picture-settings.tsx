/** Avatar and banner: chosen or dropped, seen before they are there, sent with progress, taken away. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { me, updateMe } from "../../api/session";
import type { Me } from "../../api/types";
import { Avatar } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import "./people.css";
import { maxPictureBytes, removePicture, sendPicture, type PictureKind } from "./calls";
import { t } from "./words";

const TYPES = "image/jpeg,image/png,image/gif,image/webp,image/avif";
const MEGABYTE = 1024 * 1024;

/** A picture on its way. */
interface Sending {
  preview: string;
  share: number;
  stop: AbortController;
}

export function PictureSettings() {
  const user = me.value;
  if (!user) return null;
  return (
    <section class="panel pictures" aria-labelledby="pictures-title">
      <h2 id="pictures-title">{t("pictures")}</h2>
      <Picture kind="banner" title={t("banner")} hint={t("bannerHint")} url={user.banner_url}>
        <span class="banner-none" />
      </Picture>
      <Picture kind="avatar" title={t("avatar")} hint={t("avatarHint")} url={user.avatar_url}>
        <Avatar of={user} size={96} />
      </Picture>
    </section>
  );
}

interface PictureProps {
  kind: PictureKind;
  title: string;
  hint: string;
  url: string | null;
  /** Shown where there is no picture. */
  children: ComponentChildren;
}

function Picture({ kind, title, hint, url, children }: PictureProps) {
  const [sending, setSending] = useState<Sending | null>(null);
  const [failure, setFailure] = useState("");
  const [isOver, setOver] = useState(false);
  const [isRemoving, setRemoving] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => () => sending?.stop.abort(), [sending?.stop]);

  const send = async (file: File | undefined): Promise<void> => {
    if (!file || sending) return;
    const begun = { preview: URL.createObjectURL(file), share: 0, stop: new AbortController() };
    setSending(begun);
    setFailure("");
    try {
      await requireSmall(file);
      const onProgress = (share: number): void => setSending({ ...begun, share });
      updateMe(await sendPicture(kind, file, { onProgress, signal: begun.stop.signal }));
      toast(t("pictureSaved"), "good");
    } catch (error) {
      if (!begun.stop.signal.aborted) setFailure(reasonOf(error));
    } finally {
      URL.revokeObjectURL(begun.preview);
      setSending(null);
      if (input.current) input.current.value = "";
    }
  };

  const remove = async (): Promise<void> => {
    setRemoving(true);
    setFailure("");
    try {
      await removePicture(kind);
      const gone: Partial<Me> = { [`${kind}_url`]: null };
      if (me.value) updateMe({ ...me.value, ...gone });
      input.current?.focus();
    } catch (error) {
      setFailure(sentence(error));
    } finally {
      setRemoving(false);
    }
  };

  const shown = sending?.preview ?? url;
  return (
    <div
      class={`picture picture-${kind}`}
      data-over={isOver || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void send(event.dataTransfer?.files[0]);
      }}
    >
      <div class="picture-shown">{shown ? <img src={shown} alt="" /> : children}</div>
      <div class="picture-text">
        <h3>{title}</h3>
        <p class="hint" id={`${kind}-hint`}>
          {hint}
        </p>
        {sending ? (
          <div class="row">
            <progress value={sending.share} max={1} aria-label={t("sendingPicture")} />
            <button type="button" class="button" onClick={() => sending.stop.abort()}>
              {t("stop")}
            </button>
          </div>
        ) : (
          <div class="row">
            <label class="button picture-choose">
              <input
                ref={input}
                type="file"
                class="visually-hidden"
                accept={TYPES}
                aria-label={t(kind === "avatar" ? "chooseAvatar" : "chooseBanner")}
                aria-describedby={`${kind}-hint`}
                onChange={(event) => void send(event.currentTarget.files?.[0])}
              />
              {t("choosePicture")}
            </label>
            {url && (
              <button
                type="button"
                class="button"
                disabled={isRemoving}
                aria-label={t(kind === "avatar" ? "removeAvatar" : "removeBanner")}
                onClick={() => void remove()}
              >
                {t("removePicture")}
              </button>
            )}
          </div>
        )}
        {failure && (
          <p class="form-error" role="alert">
            {failure}
          </p>
        )}
      </div>
    </div>
  );
}

/** The server closes the connection on what is too large, so a browser could not say why. */
async function requireSmall(file: File): Promise<void> {
  const most = await maxPictureBytes();
  if (file.size > most) throw new Error(t("pictureTooLarge", { n: Math.floor(most / MEGABYTE) }));
}

function reasonOf(error: unknown): string {
  if (error instanceof ApiError && error.status === 415) return t("pictureUnknown");
  if (error instanceof ApiError && error.code === "picture-too-many-pixels") return t("pictureTooManyPixels");
  if (error instanceof ApiError && error.code.startsWith("picture-")) return t("pictureBroken");
  return sentence(error);
}
