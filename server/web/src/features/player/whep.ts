/** Watching over WebRTC (WHEP): one offer, one answer, no trickle. */
import { problemOf, send } from "../../api/http";
import { iceServersOf, linkOf } from "./ice-servers";
import { readStats, type Totals, type WhepStats } from "./whep-stats";
import { t } from "./words";

const LAYER_REL = "urn:ietf:params:whep:ext:core:layer";
const FIRST_FRAME_MS = 8000;
/** A server that does not answer by then has gone. */
const GOODBYE_MS = 2000;
/**
 * Offer without candidates, which the server needs none of, and take its answer (RFC 9725, 4.2). Candidates are looked
 * for after that, with the TURN servers that came with it. Nothing is
 * connected when `isOver` says so meanwhile.
 */
export async function negotiate(
  peer: RTCPeerConnection,
  post: (sdp: string) => Promise<Response>,
  isOver: () => boolean = () => false,
): Promise<Response> {
  const offer = await peer.createOffer();
  const response = await post(offer.sdp ?? "");
  if (response.status !== 201) throw await problemOf(response);
  const sdp = await response.text();
  if (isOver()) return response;
  const iceServers = iceServersOf(response.headers.get("Link"));
  if (iceServers.length) peer.setConfiguration({ ...peer.getConfiguration(), iceServers });
  await peer.setLocalDescription(offer);
  await peer.setRemoteDescription({ type: "answer", sdp });
  return response;
}

export class WhepSession {
  readonly peer: RTCPeerConnection;
  #resource: string | null = null;
  /** Where a rendition is chosen. */
  #layer: string | null = null;
  #last: Totals | null = null;
  #closed = false;

  constructor() {
    this.peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  }

  /** Resolves when the first frame can be shown. Throws ApiError with the server's reason, or Error. */
  async start(url: string, video: HTMLVideoElement, onLost: () => void, headers: Record<string, string> = {}): Promise<void> {
    const media = new MediaStream();
    this.peer.addEventListener("track", ({ track }) => media.addTrack(track));
    this.peer.addTransceiver("video", { direction: "recvonly" });
    this.peer.addTransceiver("audio", { direction: "recvonly" });
    await this.#exchange(url, headers);
    if (this.#closed) return this.#release();
    video.srcObject = media;
    await this.#firstFrame(video);
    this.peer.addEventListener("connectionstatechange", () => {
      if (this.peer.connectionState === "failed" && !this.#closed) onLost();
    });
    this.#whenServerEnds(() => !this.#closed && onLost());
  }

  /** The server's farewell reaches the transport, of which the connection says nothing. */
  #whenServerEnds(ended: () => void): void {
    const transport = this.peer.getReceivers()[0]?.transport;
    transport?.addEventListener("statechange", () => {
      if (transport.state !== "closed") return;
      this.#resource = null; // the session has gone with it: there is nothing to delete
      ended();
    });
  }

  async #exchange(url: string, headers: Record<string, string>): Promise<void> {
    const post = (body: string): Promise<Response> =>
      send(url, { method: "POST", headers: { ...headers, "Content-Type": "application/sdp" }, body }).then((response) => {
        const location = response.headers.get("Location");
        this.#resource = location ? new URL(location, new URL(url, document.baseURI)).href : null;
        return response;
      });
    const answer = await negotiate(this.peer, post, () => this.#closed);
    const layer = linkOf(answer.headers.get("Link"), LAYER_REL);
    this.#layer = layer ? new URL(layer, new URL(url, document.baseURI)).href : null;
  }

  /** Have this rendition sent from its next key frame on, null: what the connection carries. False if it is not sent. */
  async chooseLayer(name: string | null): Promise<boolean> {
    if (!this.#layer) return false;
    const body = JSON.stringify({ encodingId: name });
    const asked = send(this.#layer, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const response = await asked.catch(() => null);
    return response?.ok ?? false;
  }

  #firstFrame(video: HTMLVideoElement): Promise<void> {
    return new Promise((done, fail) => {
      const abort = new AbortController();
      const finish = (error?: Error): void => {
        abort.abort();
        clearTimeout(timer);
        if (error) fail(error);
        else done();
      };
      const timer = setTimeout(() => finish(new Error(t("noPictureWebrtc"))), FIRST_FRAME_MS);
      video.addEventListener("loadeddata", () => finish(), { signal: abort.signal });
      this.peer.addEventListener(
        "connectionstatechange",
        () => {
          const { connectionState } = this.peer;
          if (connectionState === "failed" || connectionState === "closed") finish(new Error(t("notConnected")));
        },
        { signal: abort.signal },
      );
    });
  }

  async stats(): Promise<WhepStats> {
    const entries: Record<string, unknown>[] = [];
    (await this.peer.getStats()).forEach((entry: Record<string, unknown>) => entries.push(entry));
    const { stats, totals } = readStats(entries, this.#last, Date.now());
    this.#last = totals;
    return stats;
  }

  /** `isOver`: the server has ended the stream, and with it every session of it. */
  close({ isOver = false } = {}): void {
    this.#closed = true;
    if (isOver) this.#resource = null;
    this.#release();
  }

  #release(): void {
    void endSession(this.peer, this.#resource);
    this.#resource = null;
  }
}

/**
 * End a session on the server and then here, in this order: the connection's own farewell would end it too and
 * leave nothing to delete. A connection that is already down is left to the server, which has noticed or will.
 */
export async function endSession(peer: RTCPeerConnection, resource: string | null, headers: Record<string, string> = {}): Promise<void> {
  const isUp = peer.connectionState === "connected" || peer.connectionState === "connecting";
  const signal = AbortSignal.timeout(GOODBYE_MS);
  if (resource && isUp) await fetch(resource, { method: "DELETE", keepalive: true, headers, signal }).catch(() => undefined);
  peer.close();
}
