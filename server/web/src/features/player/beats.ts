/** What a player tells while a video plays: as it begins, every ten seconds, and when it stands still. */
const BEAT_MS = 10_000;

const STARTS = ["playing"] as const;
const STOPS = ["pause", "ended", "waiting", "emptied"] as const;

/** `tell` hears of it until what is returned is called. */
export function beats(element: EventTarget, tell: (isPlaying: boolean) => void): () => void {
  let timer: ReturnType<typeof setInterval> | null = null;
  const start = (): void => {
    if (timer !== null) return;
    tell(true);
    timer = setInterval(() => tell(true), BEAT_MS);
  };
  const stop = (): void => {
    if (timer === null) return;
    clearInterval(timer);
    timer = null;
    tell(false);
  };
  for (const name of STARTS) element.addEventListener(name, start);
  for (const name of STOPS) element.addEventListener(name, stop);
  return () => {
    stop();
    for (const name of STARTS) element.removeEventListener(name, start);
    for (const name of STOPS) element.removeEventListener(name, stop);
  };
}
