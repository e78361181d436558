/** The shell: header, navigation, the page of the current path, banners and toasts. */
import { useEffect, useRef } from "preact/hooks";
import { me, sessionEnded } from "../api/session";
import { moves, navigate, path } from "../router";
import { matchOf } from "../routes";
import { Missing } from "../ui/missing";
import { toast, Toasts } from "../ui/toasts";
import { Banner } from "./banner";
import { Boundary } from "./boundary";
import { Header } from "./header";
import { Lazy } from "./lazy";
import { Navigation } from "./navigation";
import { pages } from "./pages";
import { t } from "./words";

export function App() {
  const main = useRef<HTMLElement>(null);
  useFocusOnMove(main);
  useSessionNews();
  useOwnPassword();
  const match = matchOf(pages, path.value);
  if (match?.page.isBare) {
    return (
      <main id="main" ref={main} tabIndex={-1} class="bare">
        <Boundary key={path.value}>
          <Lazy load={match.page.load} parameters={match.parameters} />
        </Boundary>
      </main>
    );
  }
  return (
    <>
      <a class="skip" href="#main">
        {t("skip")}
      </a>
      <Header />
      <div class={`frame frame-${match?.page.feature ?? "missing"}`}>
        <Navigation />
        <main id="main" ref={main} tabIndex={-1} class="main">
          <Boundary key={path.value}>{match ? <Lazy load={match.page.load} parameters={match.parameters} /> : <Missing />}</Boundary>
        </main>
      </div>
      <Banner />
      <Toasts />
    </>
  );
}

/** After a move the focus goes to the new page's heading, as it would on a fresh page, unless the page put it in a field. */
function useFocusOnMove(main: { current: HTMLElement | null }): void {
  const move = moves.value;
  useEffect(() => {
    if (!move) return;
    const timer = setTimeout(() => {
      if (main.current?.querySelector(":is(input, textarea):focus")) return;
      const heading = main.current?.querySelector<HTMLElement>("[data-page-title]");
      (heading ?? main.current)?.focus({ preventScroll: true });
    }, 60);
    return () => clearTimeout(timer);
  }, [move]);
}

function useSessionNews(): void {
  const end = sessionEnded.value;
  useEffect(() => {
    if (!end) return;
    sessionEnded.value = null;
    toast(end === "revoked" ? t("revoked") : t("expired"), "bad");
  }, [end]);
}

const SECURITY = "/settings/security";

/** Who signed in with a one-time password chooses one of their own before anything else. */
function useOwnPassword(): void {
  const isDue = Boolean(me.value?.must_change_password) && path.value !== SECURITY;
  useEffect(() => {
    if (isDue) navigate(SECURITY, true);
  }, [isDue]);
}
