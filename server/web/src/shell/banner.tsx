import { useEffect, useState } from "preact/hooks";
import { connection } from "../realtime/socket";
import { t } from "./words";

/** Says that the network or the server is away, once it has been so for a moment. */
export function Banner() {
  const [offline, setOffline] = useState(!navigator.onLine);
  const [slow, setSlow] = useState(false);
  const state = connection.value;
  const away = state === "reconnecting" || state === "draining";
  useEffect(() => {
    const read = (): void => setOffline(!navigator.onLine);
    addEventListener("online", read);
    addEventListener("offline", read);
    return () => {
      removeEventListener("online", read);
      removeEventListener("offline", read);
    };
  }, []);
  useEffect(() => {
    if (!away) return setSlow(false);
    const timer = setTimeout(() => setSlow(true), 1200);
    return () => clearTimeout(timer);
  }, [away]);
  const words = offline
    ? t("offline")
    : slow && state === "draining"
      ? t("draining")
      : slow
        ? t("reconnecting")
        : null;
  return (
    <div class="banner-place" role="status">
      {words && <p class="banner">{words}</p>}
    </div>
  );
}
