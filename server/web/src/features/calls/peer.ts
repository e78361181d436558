/**
 * The connection to one other person of a call, by perfect negotiation (W3C WebRTC, 10.7): either side may offer at any
 * time, and of two offers that cross the impolite side's counts. Who has just joined offers first.
 */

export interface Description {
  type: RTCSdpType;
  sdp?: string | undefined;
}

export interface PeerSignal {
  description?: Description;
  candidate?: RTCIceCandidateInit | null;
}

/** What the other side says of itself, over a channel beside the media. */
export interface PeerState {
  hasMic: boolean;
  picture: "none" | "camera" | "screen";
}

/** What is sent to the other side: one track of each kind, if there is one. */
export interface Outgoing {
  audio: MediaStreamTrack | null;
  video: MediaStreamTrack | null;
}

interface PeerOptions {
  pc: RTCPeerConnection;
  isPolite: boolean;
  outgoing: Outgoing;
  send: (signal: PeerSignal) => void;
  onTrack: (track: MediaStreamTrack) => void;
  onState: (state: PeerState) => void;
  onConnection: (state: RTCPeerConnectionState) => void;
}

/** An offer may have been lost on its way: it is sent again until it is answered. */
const REPEAT_MS = 8000;
const PICTURES = ["none", "camera", "screen"];
const MAX_STATE = 200;

export class Peer {
  readonly pc: RTCPeerConnection;
  #options: PeerOptions;
  #isOffering = false;
  #ignoresOffer = false;
  #channel: RTCDataChannel | null = null;
  #state: PeerState = { hasMic: false, picture: "none" };
  #repeat: ReturnType<typeof setInterval>;
  #queue: Promise<void> = Promise.resolve();

  constructor(options: PeerOptions) {
    this.#options = options;
    const { pc } = options;
    this.pc = pc;
    pc.onnegotiationneeded = () => void this.#offer();
    pc.onicecandidate = ({ candidate }) => options.send({ candidate: candidate ? candidate.toJSON() : null });
    pc.ontrack = ({ track }) => options.onTrack(track);
    pc.onconnectionstatechange = () => {
      options.onConnection(pc.connectionState);
      if (pc.connectionState === "failed") pc.restartIce();
    };
    this.#repeat = setInterval(() => this.#offerAgain(), REPEAT_MS);
  }

  /** Begin: the other side waits for this side's offer. */
  start(): void {
    const { audio, video } = this.#options.outgoing;
    this.pc.addTransceiver(audio ?? "audio", { direction: "sendrecv" });
    this.pc.addTransceiver(video ?? "video", { direction: "sendrecv" });
    this.#openChannel();
  }

  /** What the other side has signalled. Signals are taken one after the other. */
  take(signal: PeerSignal): Promise<void> {
    const taken = this.#queue.then(() => this.#take(signal));
    // What does not fit (an answer to an offer that was taken back) is passed over.
    this.#queue = taken.catch(() => undefined);
    return this.#queue;
  }

  /** Another track of this kind, or none, without a new negotiation. */
  async replace(kind: "audio" | "video", track: MediaStreamTrack | null): Promise<void> {
    this.#options.outgoing = { ...this.#options.outgoing, [kind]: track };
    await this.#transceiver(kind)?.sender.replaceTrack(track);
  }

  tell(state: PeerState): void {
    this.#state = state;
    if (this.#channel?.readyState === "open") this.#channel.send(JSON.stringify(state));
  }

  /** Loudness of the other side now, 0 to 1. */
  level(): number {
    const sources = this.#transceiver("audio")?.receiver.getSynchronizationSources?.() ?? [];
    return Math.max(0, ...sources.map(({ audioLevel }) => audioLevel ?? 0));
  }

  close(): void {
    clearInterval(this.#repeat);
    this.#channel?.close();
    this.pc.close();
  }

  async #offer(): Promise<void> {
    try {
      this.#isOffering = true;
      await this.pc.setLocalDescription();
      this.#sendDescription();
    } catch {
      // Closed meanwhile, or the other side's offer came first: then theirs is answered.
    } finally {
      this.#isOffering = false;
    }
  }

  #offerAgain(): void {
    if (this.pc.signalingState === "have-local-offer" && !this.#isOffering) this.#sendDescription();
  }

  #sendDescription(): void {
    const description = this.pc.localDescription;
    if (description) this.#options.send({ description: { type: description.type, sdp: description.sdp } });
  }

  async #take({ description, candidate }: PeerSignal): Promise<void> {
    if (description) return this.#takeDescription(description);
    if (!candidate) return;
    try {
      await this.pc.addIceCandidate(candidate);
    } catch (error) {
      if (!this.#ignoresOffer) throw error;
    }
  }

  async #takeDescription(description: Description): Promise<void> {
    const { pc } = this;
    const crosses = description.type === "offer" && (this.#isOffering || pc.signalingState !== "stable");
    this.#ignoresOffer = !this.#options.isPolite && crosses;
    if (this.#ignoresOffer) return;
    await pc.setRemoteDescription(description as RTCSessionDescriptionInit);
    if (description.type !== "offer") return;
    await this.#sendTracks();
    this.#openChannel();
    await pc.setLocalDescription();
    this.#sendDescription();
  }

  /** The other side has made the transceivers: what is sent from here goes into them. */
  async #sendTracks(): Promise<void> {
    for (const kind of ["audio", "video"] as const) {
      const transceiver = this.#transceiver(kind);
      if (!transceiver || transceiver.direction === "sendrecv") continue;
      transceiver.direction = "sendrecv";
      await transceiver.sender.replaceTrack(this.#options.outgoing[kind]);
    }
  }

  /** After a rollback those that this side had made are there too, without a place in what was agreed on. */
  #transceiver(kind: "audio" | "video"): RTCRtpTransceiver | undefined {
    const own = this.pc.getTransceivers().filter(({ receiver }) => receiver.track.kind === kind);
    return own.find(({ mid }) => mid !== null) ?? own[0];
  }

  #openChannel(): void {
    if (this.#channel) return;
    const channel = this.pc.createDataChannel("state", { negotiated: true, id: 0 });
    this.#channel = channel;
    channel.onopen = () => this.tell(this.#state);
    channel.onmessage = ({ data }) => {
      const state = stateOf(data);
      if (state) this.#options.onState(state);
    };
  }
}

/** Null for what is no state: the other side may be anything. */
export function stateOf(data: unknown): PeerState | null {
  if (typeof data !== "string" || data.length > MAX_STATE) return null;
  try {
    const { hasMic, picture } = JSON.parse(data) as Record<string, unknown>;
    if (typeof hasMic !== "boolean" || !PICTURES.includes(picture as string)) return null;
    return { hasMic, picture: picture as PeerState["picture"] };
  } catch {
    return null;
  }
}
