/** Real paths in one page: links stay links, and the pages read `path`. */
import { batch, signal } from "@preact/signals";
import { isServersOwn, returnPathOf } from "./routes";

export const path = signal(location.pathname);
/** What follows the path, with its question mark; empty if nothing does. */
export const query = signal(location.search);
/** Grows with every move, so that focus and scrolling follow even when the path stays the same. */
export const moves = signal(0);

/** A page may ask before it is left, such as a broadcast that runs in it. Answers true when leaving is fine. */
let guard: (() => boolean) | null = null;

export function guardLeaving(ask: (() => boolean) | null): void {
  guard = ask;
}

export function navigate(to: string, replace = false): void {
  const url = new URL(to, location.href);
  if (url.pathname !== location.pathname && guard && !guard()) return;
  history[replace ? "replaceState" : "pushState"](null, "", url);
  arrived(url);
  scrollTo(0, 0);
}

function arrived(at: { pathname: string; search: string }): void {
  batch(() => {
    path.value = at.pathname;
    query.value = at.search;
    moves.value += 1;
  });
}

/** Where to go on after signing in. */
export const returnPath = (): string => returnPathOf(location.search);

export const loginPath = (): string => `/login?next=${encodeURIComponent(location.pathname)}`;

function followed(event: MouseEvent): URL | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return null;
  const url = new URL(link.href);
  if (isServersOwn(url.pathname)) return null;
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
    arrived(location);
  });
}
