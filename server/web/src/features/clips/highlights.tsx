/** Moments of a stream that stood out, each a click from being a clip; nothing where there are none. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { navigate } from "../../router";
import { duration } from "../../ui/format";
import { ClipIcon } from "../../ui/icons";
import { attempt } from "../../ui/sending";
import { highlightsOf, makeClip, type Highlight } from "./calls";
import "./clips.css";
import { t } from "./words";

export function Highlights({ streamId }: { streamId: string }) {
  const [found, setFound] = useState<Highlight[]>([]);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    let isGone = false;
    highlightsOf(streamId).then(
      ({ items }) => !isGone && setFound(items),
      () => !isGone && setFound([]),
    );
    return () => {
      isGone = true;
    };
  }, [streamId]);
  if (!me.value || !found.length) return null;
  const clip = async (one: Highlight): Promise<void> => {
    setBusy(true);
    await attempt(async () => {
      const seconds = Math.max(1, Math.round((one.to_ms - one.from_ms) / 1000));
      const made = await makeClip(streamId, { seconds, end_ms: one.to_ms });
      navigate(`/clips/${made.clip.id}`);
    }, t("made"));
    setBusy(false);
  };
  return (
    <section class="clip-shelf" aria-labelledby="stream-highlights">
      <h2 id="stream-highlights" class="shelf-title">
        {t("highlights")}
      </h2>
      <div class="row">
        {found.map((one) => (
          <button key={one.from_ms} type="button" class="button" disabled={busy} onClick={() => void clip(one)}>
            <ClipIcon /> {t("clipIt", { from: duration(one.from_ms / 1000), to: duration(one.to_ms / 1000) })}
          </button>
        ))}
      </div>
    </section>
  );
}
