/** The shell: header, the page of the current path, banners and toasts. */
import { Component, type ComponentChildren, type FunctionComponent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { me, sessionEnded, signOut } from "./api/session";
import { Login, Register } from "./pages/account";
import { Home } from "./pages/home";
import { Missing } from "./pages/missing";
import { Profile } from "./pages/profile";
import { Settings } from "./pages/settings";
import { connection } from "./realtime/socket";
import { loginPath, moves, navigate, path, route } from "./router";
import type { Route } from "./routes";
import { BroadcastIcon, Logo, MoonIcon, SunIcon } from "./ui/icons";
import { Avatar, Empty, Spinner } from "./ui/parts";
import { chooseTheme, isDark } from "./ui/theme";
import { toast, Toasts } from "./ui/toasts";

const loadWatch = () => import("./pages/watch");
const loadStudio = () => import("./golive/page");
const loadAdmin = () => import("./pages/admin");

/** A page whose code is fetched when it is first opened. */
function Lazy<P extends object>({ load, props }: { load: () => Promise<{ default: FunctionComponent<P> }>; props: P }) {
  const [Page, setPage] = useState<FunctionComponent<P> | null>(null);
  const [failure, setFailure] = useState<Error | null>(null);
  useEffect(() => {
    load().then(({ default: loaded }) => setPage(() => loaded), setFailure);
  }, [load]);
  if (failure) throw failure;
  if (Page) return <Page {...props} />;
  return (
    <div class="page centred">
      <Spinner />
    </div>
  );
}

function pageOf(current: Route): ComponentChildren {
  switch (current.page) {
    case "home":
      return <Home />;
    case "watch":
      return <Lazy key={`watch-${current.streamId}`} load={loadWatch} props={{ streamId: current.streamId }} />;
    case "live":
      return <Lazy key="live" load={loadStudio} props={{}} />;
    case "login":
      return <Login />;
    case "register":
      return <Register />;
    case "settings":
      return <Settings />;
    case "admin":
      return <Lazy key="admin" load={loadAdmin} props={{}} />;
    case "profile":
      return <Profile key={current.username} username={current.username} />;
    case "missing":
      return <Missing />;
  }
}

export function App() {
  const main = useRef<HTMLElement>(null);
  useFocusOnMove(main);
  useSessionNews();
  const current = route.value;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header />
      <Banner />
      <main id="main" ref={main} tabIndex={-1} class={`main main-${current.page}`}>
        <Boundary key={path.value}>{pageOf(current)}</Boundary>
      </main>
      <Toasts />
    </>
  );
}

/** After a move the focus goes to the new page's heading, as it would on a fresh page. */
function useFocusOnMove(main: { current: HTMLElement | null }): void {
  const move = moves.value;
  useEffect(() => {
    if (!move) return;
    const timer = setTimeout(() => {
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
    toast(end === "revoked" ? "You were signed out on this device." : "Your session has run out. Please sign in again.", "bad");
  }, [end]);
}

function Header() {
  const user = me.value;
  const here = (to: string): "page" | undefined => (path.value === to ? "page" : undefined);
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="Social Flow, home">
        <Logo />
        <span class="brand-name hide-tiny">
          Social <b>Flow</b>
        </span>
      </a>
      <nav class="top-nav" aria-label="Main">
        <a class="button strong" href="/live" aria-label="Go live" aria-current={here("/live")}>
          <BroadcastIcon /> <span class="hide-narrow">Go live</span>
        </a>
        <ThemeSwitch />
        {user ? (
          <AccountMenu />
        ) : (
          <a class="button" href={path.value.startsWith("/login") ? "/login" : loginPath()} aria-current={here("/login")}>
            Sign in
          </a>
        )}
      </nav>
    </header>
  );
}

function ThemeSwitch() {
  const dark = isDark();
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={dark ? "Use light colours" : "Use dark colours"}
      onClick={() => chooseTheme(dark ? "light" : "dark")}
    >
      {dark ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}

function AccountMenu() {
  const user = me.value;
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const at = path.value;
  useEffect(() => setOpen(false), [at]);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    };
    addEventListener("pointerdown", away);
    addEventListener("focusin", away);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("focusin", away);
      removeEventListener("keydown", escape);
    };
  }, [open]);
  if (!user) return null;
  const leave = async (): Promise<void> => {
    setOpen(false);
    await signOut();
    navigate("/");
    toast("You are signed out.");
  };
  return (
    <div class="account-menu" ref={box}>
      <button type="button" class="avatar-button" aria-label={`Your account, @${user.username}`} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Avatar of={user} size={36} />
      </button>
      {open && (
        // Focusable, so that a press on its text keeps the focus inside.
        <div class="menu" tabIndex={-1}>
          <p class="menu-name">
            <b>{user.display_name || user.username}</b>
            <span>@{user.username}</span>
          </p>
          <a href={`/@${user.username}`}>Your page</a>
          <a href="/settings">Settings</a>
          {user.roles?.includes("admin") && <a href="/admin">Cluster</a>}
          <button type="button" onClick={() => void leave()}>
            Sign out
          </button>
        </div>
      )}
    </div>
  );
}

/** Says that the network or the server is away, once it has been so for a moment. */
function Banner() {
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
    ? "You are offline. Everything goes on when the network is back."
    : slow && state === "draining"
      ? "The server is moving house: you are reconnected in a moment."
      : slow
        ? "The connection was lost. Reconnecting…"
        : null;
  return (
    <div class="banner-place" role="status">
      {words && <p class="banner">{words}</p>}
    </div>
  );
}

/** A page that breaks leaves the header and a way out. */
class Boundary extends Component<{ children: ComponentChildren }, { broken: boolean }> {
  override state = { broken: false };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ broken: true });
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <div class="page centred">
        <Empty title="Something broke on this page">
          <p>It is our fault, not yours. Loading it again usually helps.</p>
          <button type="button" class="button accent" onClick={() => location.reload()}>
            Load again
          </button>
        </Empty>
      </div>
    );
  }
}
