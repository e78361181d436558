/** Real paths in one page: links stay links, and the pages read `path`. */
import { computed, signal } from "@preact/signals";
import { isServersOwn, returnPathOf, routeOf } from "./routes";

export const path = signal(location.pathname);
/** Grows with every move, so that focus and scrolling follow even when the path stays the same. */
export const moves = signal(0);

export const route = computed(() => routeOf(path.value));

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
    path.value = location.pathname;
    moves.value += 1;
  });
}
