/** Which page an address names, without a browser. */

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

/** Pages of the server itself, which are no part of this client. */
const SERVERS_OWN = /^\/(docs|openapi\.json|asyncapi\.json|metrics|livez|readyz|api|hls|vod)(\/|$)/;

export const isServersOwn = (pathname: string): boolean => SERVERS_OWN.test(pathname);

/** The `next` of a query, if it is a path of this site: never another site's address. */
export function returnPathOf(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}
