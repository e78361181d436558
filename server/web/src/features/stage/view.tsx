/** The stage as who is on it sees it: the picture of all, and one's own. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { guardLeaving } from "../../router";
import { MicIcon, MicOffIcon } from "../../ui/icons";
import type { Studio } from "../studio/studio";
import type { Place } from "./calls";
import { StageLink } from "./link";
import "./stage.css";
import { t } from "./words";

interface StageViewProps {
  place: Place;
  studio: Studio;
  children?: ComponentChildren;
}

export function StageView({ place, studio, children }: StageViewProps) {
  const video = useRef<HTMLVideoElement>(null);
  const own = useRef<HTMLVideoElement>(null);
  const [link, setLink] = useState<StageLink | null>(null);
  const output = useMemo(() => studio.output(), [place.secret]);
  const picture = studio.picture.value;

  useEffect(() => {
    if (!video.current) return;
    const made = new StageLink(place, output, video.current);
    studio.onPicture = (track) => void made.sending.replaceVideo(track).catch(() => undefined);
    const gone = (): void => made.sending.abandon();
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("pagehide", gone);
    addEventListener("beforeunload", ask);
    guardLeaving(() => confirm(t("confirmLeave")));
    setLink(made);
    return () => {
      removeEventListener("pagehide", gone);
      removeEventListener("beforeunload", ask);
      guardLeaving(null);
      studio.onPicture = null;
      void made.close();
    };
  }, [place.secret]);
  useEffect(() => {
    if (!own.current) return;
    own.current.srcObject = picture ? new MediaStream([picture]) : null;
    if (picture) void own.current.play().catch(() => undefined);
  }, [picture]);

  const state = link?.wasLost.value ? t("reconnecting") : link?.isSeeing.value ? "" : t("connecting");
  return (
    <section class="stage-view" aria-label={t("picture")}>
      <div class="stage-frame">
        <video ref={video} class="stage-picture" autoplay playsInline aria-label={t("picture")} />
        {picture && <video ref={own} class="stage-own" muted playsInline aria-label={t("yourPicture")} />}
        <p class="stage-state" role="status" hidden={!state}>
          {state}
        </p>
      </div>
      <div class="row">
        <button
          type="button"
          class="button"
          aria-pressed={studio.micOn.value}
          onClick={() => (studio.micOn.value ? studio.turnMicOff() : void studio.turnMicOn().catch(() => undefined))}
        >
          {studio.micOn.value ? <MicIcon /> : <MicOffIcon />} {studio.micOn.value ? t("micOn") : t("micOff")}
        </button>
        {children}
      </div>
    </section>
  );
}
