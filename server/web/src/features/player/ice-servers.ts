/** The `Link` header of an answer to WHIP or WHEP: STUN and TURN servers (RFC 9725, 4.6), and extensions (RFC 8288). */

const LINK = /<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)/g;
const PARAMETER = /([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s",;]+))/g;
const ICE_URL = /^(stuns?|turns?):/i;

/** The address that a `Link` header has for a relation. */
export function linkOf(header: string | null, rel: string): string | null {
  return links(header).find(({ given }) => given.get("rel") === rel)?.target ?? null;
}

export function iceServersOf(header: string | null): RTCIceServer[] {
  const found: RTCIceServer[] = [];
  for (const { target: urls, given } of links(header)) {
    if (given.get("rel") !== "ice-server" || !ICE_URL.test(urls)) continue;
    const [username, credential] = [given.get("username"), given.get("credential")];
    found.push(username && credential ? { urls, username, credential } : { urls });
  }
  // A browser refuses a TURN server without credentials, and all others with it.
  return found.filter(({ urls, username }) => username || /^stun/i.test(String(urls)));
}

function links(header: string | null): { target: string; given: Map<string, string> }[] {
  return [...(header ?? "").matchAll(LINK)].map(([, target = "", rest = ""]) => ({
    target,
    given: new Map([...rest.matchAll(PARAMETER)].map(([, name = "", quoted, plain]) => [name.toLowerCase(), quoted ?? plain ?? ""])),
  }));
}
