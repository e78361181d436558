/** The recording as one file: for everybody once it is there, for its owner to have it made. */
import { useEffect, useState } from "preact/hooks";
import { media, sentence } from "../../api/http";
import { call, me } from "../../api/session";
import type { Answer, Stream } from "../../api/types";
import { DownIcon } from "../../ui/icons";
import { useInterval } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { t } from "./words";

type File = Answer<"getRecordingFile">;

const POLL_MS = 2000;

export function RecordingFile({ stream }: { stream: Stream }) {
  const [file, setFile] = useState<File | null>(null);
  const path = `/streams/${encodeURIComponent(stream.id)}/recording`;
  const load = (method: "GET" | "POST"): Promise<void> =>
    call<File>(path, { method }).then(setFile, (error: unknown) => toast(sentence(error), "bad"));
  const isBeingMade = file?.state === "queued";
  useInterval(() => void load("GET"), POLL_MS, isBeingMade);
  // What comes over the socket does not say whether there is a file.
  useEffect(() => {
    if (stream.state === "ended" && stream.playback.hls) void load("GET");
  }, [stream.id, stream.state]);
  if (stream.state !== "ended") return null;

  const mp4 = file?.mp4 ?? stream.playback.mp4;
  if (mp4) {
    return (
      <a class="button" href={media(mp4)} download={`${stream.id}.mp4`} aria-label={t("download")}>
        <DownIcon /> <span class="hide-narrow">{t("download")}</span>
      </a>
    );
  }
  if (me.value?.id !== stream.owner.id) return null;
  return (
    <button type="button" class="button" disabled={isBeingMade} onClick={() => void load("POST")}>
      {isBeingMade ? t("makingFile", { share: String(Math.round((file?.progress ?? 0) * 100)) }) : t("makeFile")}
    </button>
  );
}
