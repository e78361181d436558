/** The named moments of a stream under its player: to jump to, and for its owner to set. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { duration } from "../../ui/format";
import { toast } from "../../ui/toasts";
import { addMarker, markersOf, removeMarker, type Marker } from "./calls";
import "./markers.css";
import { t } from "./words";

const POLL_MS = 30_000;

/** The markers in order of time; those that others set appear after a while. */
export function useMarkers(streamId: string, isLive: boolean): [Marker[], (change: (markers: Marker[]) => Marker[]) => void] {
  const [markers, setMarkers] = useState<Marker[]>([]);
  useEffect(() => {
    let isGone = false;
    const load = (): void =>
      void markersOf(streamId).then(
        ({ items }) => !isGone && setMarkers(items),
        () => undefined,
      );
    load();
    const timer = isLive ? setInterval(load, POLL_MS) : undefined;
    return () => {
      isGone = true;
      clearInterval(timer);
    };
  }, [streamId, isLive]);
  return [markers, setMarkers];
}

interface Props {
  streamId: string;
  markers: Marker[];
  onChange: (change: (markers: Marker[]) => Marker[]) => void;
  onSeek: (seconds: number) => void;
  mine: boolean;
  /** Where the owner is, in milliseconds; null at the live edge. */
  atMs: () => number | null;
}

export function Chapters({ streamId, markers, onChange, onSeek, mine, atMs }: Props) {
  const add = async (): Promise<void> => {
    const at = atMs();
    const label = prompt(t("label"))?.trim();
    if (!label) return;
    try {
      const made = await addMarker(streamId, { label: label.slice(0, 100), ...(at === null ? {} : { at_ms: Math.round(at) }) });
      onChange((before) => [...before, made].sort((a, b) => a.at_ms - b.at_ms));
      toast(t("added"), "good");
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  const remove = async (marker: Marker): Promise<void> => {
    try {
      await removeMarker(marker);
      onChange((before) => before.filter(({ id }) => id !== marker.id));
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  if (!markers.length && !mine) return null;
  return (
    <section class="chapters" aria-labelledby="chapters-title">
      <header>
        <h2 id="chapters-title" class="shelf-title">
          {t("chapters")}
        </h2>
        {mine && (
          <button type="button" class="button" onClick={() => void add()}>
            {t("add")}
          </button>
        )}
      </header>
      {markers.length > 0 && (
        <ol>
          {markers.map((marker) => (
            <li key={marker.id}>
              <button type="button" class="chapter" onClick={() => onSeek(marker.at_ms / 1000)}>
                <span class="tabular">{duration(marker.at_ms / 1000)}</span> <bdi>{marker.label}</bdi>
              </button>
              {mine && (
                <button type="button" class="icon-button" aria-label={t("remove", { label: marker.label })} onClick={() => void remove(marker)}>
                  ×
                </button>
              )}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
