/** Which page an address names, without a browser. */

export type Path = `/${string}`;

type NameOf<S> = S extends `${string}:${infer Name}` ? Name : never;
type NamesOf<P> = P extends `${infer First}/${infer Rest}` ? NameOf<First> | NamesOf<Rest> : NameOf<P>;

/** "/watch/:streamId" → { streamId: string } */
export type ParametersOf<P extends Path> = { [N in NamesOf<P>]: string };

export interface Match<T> {
  page: T;
  parameters: Record<string, string>;
}

/** The first page whose path fits; a slash at the end changes nothing. */
export function matchOf<T extends { readonly path: Path }>(pages: readonly T[], pathname: string): Match<T> | null {
  const segments = segmentsOf(pathname);
  for (const page of pages) {
    const parameters = fit(segmentsOf(page.path), segments);
    if (parameters) return { page, parameters };
  }
  return null;
}

const segmentsOf = (path: string): string[] => path.replace(/\/+$/, "").split("/").slice(1);

/** A segment such as "@:username" holds a fixed beginning and a name for the rest, which is not empty. */
function fit(pattern: string[], segments: string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const [fixed = "", name] = (pattern[index] ?? "").split(":");
    if (name === undefined ? segment !== fixed : segment.length <= fixed.length || !segment.startsWith(fixed)) return null;
    if (name !== undefined) parameters[name] = decode(segment.slice(fixed.length));
  }
  return parameters;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Pages of the server itself, which are no part of this client. */
const SERVERS_OWN = /^\/(docs|openapi\.json|asyncapi\.json|metrics|livez|readyz|api|hls|vod|oembed)(\/|$)|^\/clips\/[^/]+\/./;

export const isServersOwn = (pathname: string): boolean => SERVERS_OWN.test(pathname);

/** The `next` of a query, if it is a path of this site: never another site's address. */
export function returnPathOf(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}
