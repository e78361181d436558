/** The button by which who streams pauses for an advertisement. */
import { useState } from "preact/hooks";
import { isThere } from "../../api/rooms";
import { attempt } from "../../ui/sending";
import { callBreak } from "./calls";
import { t } from "./words";

export function CallBreak({ streamId }: { streamId: string }) {
  const [isBusy, setBusy] = useState(false);
  if (!isThere({ room: "ads" })) return null;
  const pause = async (): Promise<void> => {
    setBusy(true);
    await attempt(async () => void (await callBreak(streamId)), t("breakCalled"));
    setBusy(false);
  };
  return (
    <button type="button" class="button small" disabled={isBusy} onClick={() => void pause()}>
      {t("callBreak")}
    </button>
  );
}
