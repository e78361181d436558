/** An uploaded video is encoded anew, as when the server has learned more qualities: what is there is played meanwhile. */
import { useState } from "preact/hooks";
import { attempt } from "../../ui/sending";
import { encodeAgain, getVideo, type Video } from "./calls";
import { t } from "./words";

export function EncodeAgain({ video, onBegun }: { video: Video; onBegun: (video: Video) => void }) {
  const [isBusy, setBusy] = useState(false);
  const begin = async (): Promise<void> => {
    setBusy(true);
    await attempt(async () => {
      await encodeAgain(video.id);
      onBegun(await getVideo(video.id));
    }, t("encodingAgain"));
    setBusy(false);
  };
  return (
    <section class="panel" aria-labelledby="encode-title">
      <h2 id="encode-title">{t("encodeAgain")}</h2>
      <p class="dim">{t("encodeAgainText")}</p>
      <div class="form-actions">
        <button type="button" class="button" disabled={isBusy || video.state === "processing"} onClick={() => void begin()}>
          {t("encodeAgain")}
        </button>
      </div>
    </section>
  );
}
