/** Real paths in one page: links stay links, and the pages read `path`. */
import { computed, signal } from "@preact/signals";

export const path = signal(location.pathname);
/** Grows with every move, so that focus and scrolling follow even when the path stays the same. */
export const moves = signal(0);

export type Route =
  | { page: "home" }
  | { page: "watch"; streamId: string }
  | { page: "live" }
  | { page: "login" }
  | { page: "register" }
  | { page: "settings" }
  | { page: "admin" }
  | { page: "profile"; username: string }
  | { page: "missing" };

const FIXED: Record<string, Route> = {
  "/": { page: "home" },
  "/live": { page: "live" },
  "/login": { page: "login" },
  "/register": { page: "register" },
  "/settings": { page: "settings" },
  "/admin": { page: "admin" },
};

export function routeOf(pathname: string): Route {
  const trimmed = pathname.length > 1 ? pathname.replace(/\/+$/, "") : pathname;
  const fixed = FIXED[trimmed];
  if (fixed) return fixed;
  const watch = /^\/watch\/([^/]+)$/.exec(trimmed);
  if (watch) return { page: "watch", streamId: decode(watch[1]) };
  const profile = /^\/@([^/]+)$/.exec(trimmed);
  if (profile) return { page: "profile", username: decode(profile[1]) };
  return { page: "missing" };
}

function decode(segment: string | undefined): string {
  try {
    return decodeURIComponent(segment ?? "");
  } catch {
    return segment ?? "";
  }
}

export const route = computed(() => routeOf(path.value));

/** Pages of the server itself, which are no part of this client. */
const SERVERS_OWN = /^\/(docs|openapi\.json|metrics|livez|readyz|api|hls|vod)(\/|$)/;

/** A page may ask before it is left, such as a broadcast that runs in it. Answers true when leaving is fine. */
let guard: (() => boolean) | null = null;

export function guardLeaving(ask: (() => boolean) | null): void {
  guard = ask;
}

export function navigate(to: string, replace = false): void {
  const url = new URL(to, location.href);
  if (url.pathname !== location.pathname && guard && !guard()) return;
  history[replace ? "replaceState" : "pushState"](null, "", url);
  path.value = url.pathname;
  moves.value += 1;
  scrollTo(0, 0);
}

/** Where to go on after signing in: an own path only, never another site. */
export function returnPath(): string {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}

export const loginPath = (): string => `/login?next=${encodeURIComponent(location.pathname)}`;

function followed(event: MouseEvent): URL | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return null;
  const url = new URL(link.href);
  if (SERVERS_OWN.test(url.pathname)) return null;
  return url.hash && url.pathname === location.pathname ? null : url;
}

export function startRouter(): void {
  addEventListener("click", (event) => {
    const url = followed(event);
    if (!url) return;
    event.preventDefault();
    navigate(url.pathname + url.search);
  });
  addEventListener("popstate", () => {
    if (location.pathname !== path.peek() && guard && !guard()) {
      history.pushState(null, "", path.peek());
      return;
    }
    path.value = location.pathname;
    moves.value += 1;
  });
}
