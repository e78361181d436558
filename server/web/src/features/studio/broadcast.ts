/** Publishing over WebRTC (WHIP): one offer without trickle, H.264 before the others, back by itself after a break. */
import { signal } from "@preact/signals";
import { local, send } from "../../api/http";
import { endSession, negotiate } from "../player/whep";
import { t } from "./words";

export type BroadcastStatus = "idle" | "connecting" | "live" | "reconnecting" | "failed";

const VIDEO_BITS = 2_500_000;
const CONNECT_MS = 12_000;
/** Who comes back tries again soon: a server that has just started answers the next time. */
const RETURN_MS = 8_000;
/** The server keeps an interrupted stream for half a minute; after that there is nothing to come back to. */
const GIVE_UP_MS = 28_000;
const RETRY_MS = 1000;
/** A browser calls a connection failed after a quarter of a minute; one that stays broken for so long is begun anew. */
const BROKEN_MS = 1500;

interface Target {
  whipUrl: string;
  key: string;
}

export class Broadcast {
  readonly status = signal<BroadcastStatus>("idle");
  #peer: RTCPeerConnection | null = null;
  #resource: string | null = null;
  #target: Target | null = null;
  #media: MediaStream | null = null;
  #video: RTCRtpSender | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #broken: ReturnType<typeof setTimeout> | undefined;
  #brokenSince: number | null = null;

  /** Resolves when the server receives; throws ApiError or Error when it does not come to that. */
  async start(media: MediaStream, target: Target): Promise<void> {
    this.#media = media;
    this.#target = target;
    this.status.value = "connecting";
    try {
      await this.#publish();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Another camera or the screen, without a new connection. */
  async replaceVideo(track: MediaStreamTrack | null): Promise<void> {
    await this.#video?.replaceTrack(track);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#retry);
    clearTimeout(this.#broken);
    const dropped = this.#drop();
    this.#target = null;
    this.#brokenSince = null;
    this.status.value = "idle";
    await dropped;
  }

  /** The server says that it hears nothing. The connection itself may take half a minute to notice such a break. */
  missed(): void {
    if (this.status.value === "live") this.#comeBack();
  }

  /** While the page goes away: nothing can be waited for. */
  abandon(): void {
    void this.#drop();
  }

  async #publish(): Promise<void> {
    const [target, media] = [this.#target, this.#media];
    if (!target || !media) return;
    const withinMs = this.#brokenSince === null ? CONNECT_MS : RETURN_MS;
    const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.#peer = peer;
    this.#addTracks(peer, media);
    await negotiate(peer, async (body) => {
      const headers = { "Content-Type": "application/sdp", Authorization: `Bearer ${target.key}` };
      const response = await send(local(target.whipUrl), { method: "POST", headers, body }, undefined, withinMs);
      const location = response.headers.get("Location");
      this.#resource = location ? local(location) : null;
      return response;
    });
    await connected(peer, withinMs);
    await this.#limit();
    this.#brokenSince = null;
    this.status.value = "live";
    peer.addEventListener("connectionstatechange", () => this.#watch(peer));
  }

  #watch(peer: RTCPeerConnection): void {
    if (peer !== this.#peer || this.status.value !== "live") return;
    clearTimeout(this.#broken);
    if (peer.connectionState === "failed") this.#comeBack();
    else if (peer.connectionState === "disconnected")
      this.#broken = setTimeout(() => {
        if (peer === this.#peer && this.status.value === "live") this.#comeBack();
      }, BROKEN_MS);
  }

  #addTracks(peer: RTCPeerConnection, media: MediaStream): void {
    this.#video = null;
    for (const track of media.getTracks()) {
      const transceiver = peer.addTransceiver(track, { direction: "sendonly", streams: [media] });
      tellCaptureTimes(transceiver);
      if (track.kind !== "video") continue;
      this.#video = transceiver.sender;
      preferH264(transceiver);
    }
  }

  async #limit(): Promise<void> {
    const sender = this.#video;
    if (!sender) return;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings ?? []) {
      encoding.maxBitrate = VIDEO_BITS;
      encoding.maxFramerate = 30;
    }
    // A browser that knows none of these sends as it likes.
    await sender.setParameters(parameters).catch(() => undefined);
  }

  #comeBack(): void {
    if (!this.#target) return;
    this.#brokenSince ??= Date.now();
    this.status.value = "reconnecting";
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#again(), RETRY_MS);
  }

  async #again(): Promise<void> {
    await this.#drop();
    try {
      await this.#publish();
    } catch {
      await this.#drop();
      if (this.#brokenSince !== null && Date.now() - this.#brokenSince > GIVE_UP_MS) this.status.value = "failed";
      else this.#comeBack();
    }
  }

  async #drop(): Promise<void> {
    const [peer, resource, key] = [this.#peer, this.#resource, this.#target?.key];
    this.#peer = null;
    this.#resource = null;
    if (peer) await endSession(peer, resource, key ? { Authorization: `Bearer ${key}` } : {});
  }
}

/** H.264 first, so that HLS carries the pictures as they are; the baseline profile has no B-frames. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const rank = ({ mimeType, sdpFmtpLine = "" }: RTCRtpCodec): number => {
    if (mimeType.toLowerCase() !== "video/h264") return 2;
    return sdpFmtpLine.includes("packetization-mode=1") ? 0 : 1;
  };
  if (!codecs.some((codec) => rank(codec) < 2) || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
}

const CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

interface HeaderExtension {
  uri: string;
  direction: RTCRtpTransceiverDirection;
}

/** Not every browser has these calls, and none offers the capture time unasked. */
interface ExtensibleTransceiver {
  getHeaderExtensionsToNegotiate?: () => HeaderExtension[];
  setHeaderExtensionsToNegotiate?: (wanted: HeaderExtension[]) => void;
}

/** Have packets say when their frame was captured, so that viewers are shown how far they are behind the camera. */
function tellCaptureTimes(transceiver: RTCRtpTransceiver): void {
  const extensible = transceiver as ExtensibleTransceiver;
  const offered = extensible.getHeaderExtensionsToNegotiate?.();
  if (!offered || !extensible.setHeaderExtensionsToNegotiate) return;
  extensible.setHeaderExtensionsToNegotiate(offered.map((one) => (one.uri === CAPTURE_TIME ? { ...one, direction: "sendrecv" } : one)));
}

function connected(peer: RTCPeerConnection, withinMs: number): Promise<void> {
  return new Promise((done, fail) => {
    const check = (): void => {
      if (peer.connectionState === "connected") finish();
      else if (peer.connectionState === "failed" || peer.connectionState === "closed") finish(new Error(t("mediaFailed")));
    };
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      peer.removeEventListener("connectionstatechange", check);
      if (error) fail(error);
      else done();
    };
    const timer = setTimeout(() => finish(new Error(t("mediaUnreachable"))), withinMs);
    peer.addEventListener("connectionstatechange", check);
    check();
  });
}
