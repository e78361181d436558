/** The button beside a stream that keeps its last seconds. */
import { useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { navigate } from "../../router";
import { ClipIcon } from "../../ui/icons";
import { toast } from "../../ui/toasts";
import { makeClip } from "./calls";
import { secondsBefore } from "./span";
import { t } from "./words";

const SECONDS = 30;

interface Props {
  streamId: string;
  /** How far the stream has come, and where the viewer is (null: at the live edge), in milliseconds of media time. */
  position: () => { lengthMs: number; atMs: number | null };
}

export function MakeClip({ streamId, position }: Props) {
  const [busy, setBusy] = useState(false);
  if (!me.value) return null;
  const make = async (): Promise<void> => {
    const { lengthMs, atMs } = position();
    setBusy(true);
    try {
      const { clip } = await makeClip(streamId, {
        seconds: secondsBefore(atMs ?? lengthMs, SECONDS),
        ...(atMs === null ? {} : { end_ms: Math.round(atMs) }),
      });
      toast(t("made"), "good");
      navigate(`/clips/${clip.id}`);
    } catch (error) {
      toast(sentence(error), "bad");
      setBusy(false);
    }
  };
  return (
    <button type="button" class="button" disabled={busy} aria-label={t("clipLast", { n: SECONDS })} onClick={() => void make()}>
      <ClipIcon /> <span class="hide-narrow">{busy ? t("making") : t("clipLast", { n: SECONDS })}</span>
    </button>
  );
}
