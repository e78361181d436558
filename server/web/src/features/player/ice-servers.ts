/** The STUN and TURN servers in the `Link` header of an answer to WHIP or WHEP (RFC 9725, 4.6; RFC 8288). */

const LINK = /<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)/g;
const PARAMETER = /([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s",;]+))/g;
const ICE_URL = /^(stuns?|turns?):/i;

export function iceServersOf(header: string | null): RTCIceServer[] {
  const found: RTCIceServer[] = [];
  for (const [, urls = "", rest = ""] of (header ?? "").matchAll(LINK)) {
    const given = new Map([...rest.matchAll(PARAMETER)].map(([, name = "", quoted, plain]) => [name.toLowerCase(), quoted ?? plain ?? ""]));
    if (given.get("rel") !== "ice-server" || !ICE_URL.test(urls)) continue;
    const [username, credential] = [given.get("username"), given.get("credential")];
    found.push(username && credential ? { urls, username, credential } : { urls });
  }
  // A browser refuses a TURN server without credentials, and all others with it.
  return found.filter(({ urls, username }) => username || /^stun/i.test(String(urls)));
}
