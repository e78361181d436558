import assert from "node:assert/strict";
import { test } from "node:test";
import { Peer, stateOf, type PeerSignal } from "@web/features/calls/peer";

interface FakeTransceiver {
  mid: string | null;
  direction: string;
  sender: { track: unknown; replaceTrack: (track: unknown) => Promise<void> };
  receiver: { track: { kind: string } };
}

/** The signalling of an RTCPeerConnection by the W3C's state machine, without media. */
class FakeConnection {
  signalingState = "stable";
  connectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  onnegotiationneeded: () => void = () => undefined;
  candidates: unknown[] = [];
  #transceivers: FakeTransceiver[] = [];
  #offers = 0;
  #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  addTransceiver(track: string | { kind: string }, { direction }: { direction: string }): void {
    this.#transceivers.push(transceiver(typeof track === "string" ? track : track.kind, direction));
    if (this.#transceivers.length === 1) this.restartIce();
  }

  createDataChannel(): object {
    return { readyState: "connecting", close: () => undefined };
  }

  getTransceivers(): FakeTransceiver[] {
    return this.#transceivers;
  }

  restartIce(): void {
    queueMicrotask(() => this.signalingState === "stable" && this.onnegotiationneeded());
  }

  async setLocalDescription(): Promise<void> {
    await Promise.resolve();
    const isAnswer = this.signalingState === "have-remote-offer";
    this.signalingState = isAnswer ? "stable" : "have-local-offer";
    this.localDescription = { type: isAnswer ? "answer" : "offer", sdp: `${this.#name}${isAnswer ? "" : ++this.#offers}` };
  }

  async setRemoteDescription({ type }: { type: string }): Promise<void> {
    await Promise.resolve();
    if (type === "answer" && this.signalingState !== "have-local-offer") throw new Error("InvalidStateError");
    this.signalingState = type === "offer" ? "have-remote-offer" : "stable"; // an offer of its own is rolled back
    if (type === "offer") for (const kind of ["audio", "video"]) this.#transceivers.push(transceiver(kind, "recvonly", kind));
  }

  async addIceCandidate(candidate: unknown): Promise<void> {
    if (this.signalingState === "have-local-offer") throw new Error("InvalidStateError");
    this.candidates.push(candidate);
  }

  close(): void {
    this.signalingState = "closed";
  }
}

function transceiver(kind: string, direction: string, mid: string | null = null): FakeTransceiver {
  const sender = { track: null as unknown, replaceTrack: async (track: unknown) => void (sender.track = track) };
  return { mid, direction, sender, receiver: { track: { kind } } };
}

class Side {
  readonly pc: FakeConnection;
  readonly peer: Peer;
  readonly sent: PeerSignal[] = [];
  constructor(name: string, isPolite: boolean) {
    this.pc = new FakeConnection(name);
    this.peer = new Peer({
      pc: this.pc as never,
      isPolite,
      outgoing: { audio: { kind: "audio" } as never, video: null },
      send: (given) => void this.sent.push(given),
      onTrack: () => undefined,
      onState: () => undefined,
      onConnection: () => undefined,
    });
  }
}

const settle = () => new Promise((done) => setTimeout(done, 0));

/** Each side is given what the other has sent, until nobody says anything more. */
async function exchange(one: Side, other: Side): Promise<string[]> {
  const said: string[] = [];
  while (one.sent.length + other.sent.length > 0) {
    const [fromOne, fromOther] = [one.sent.splice(0), other.sent.splice(0)];
    said.push(...[...fromOne, ...fromOther].map(({ description }) => description?.type ?? "candidate"));
    await Promise.all([...fromOne.map((given) => other.peer.take(given)), ...fromOther.map((given) => one.peer.take(given))]);
    await settle();
  }
  return said;
}

async function pair<T>(work: (one: Side, other: Side) => Promise<T>): Promise<T> {
  const [one, other] = [new Side("a", true), new Side("b", false)];
  try {
    return await work(one, other);
  } finally {
    one.peer.close();
    other.peer.close();
  }
}

test("who has joined offers, and the answer carries the other side's tracks", async () => {
  await pair(async (one, other) => {
    one.peer.start();
    await settle();
    assert.deepEqual(await exchange(one, other), ["offer", "answer"]);
    assert.deepEqual(
      other.pc.getTransceivers().map(({ direction, sender }) => [direction, sender.track]),
      [["sendrecv", { kind: "audio" }], ["sendrecv", null]],
    );
  });
});

test("of two offers that cross the impolite side's counts, and both sides agree afterwards", async () => {
  await pair(async (one, other) => {
    one.peer.start();
    other.peer.start();
    await settle();
    assert.deepEqual(await exchange(one, other), ["offer", "offer", "answer"]);
    assert.deepEqual([one.pc.signalingState, other.pc.signalingState], ["stable", "stable"]);
    assert.equal(one.pc.localDescription?.type, "answer");
  });
});

test("candidates of an offer that was passed over are passed over, others are taken in their order", async () => {
  await pair(async (one, other) => {
    other.peer.start();
    await settle();
    const offer = { description: { type: "offer" as const, sdp: "late" } };
    await Promise.all([other.peer.take(offer), other.peer.take({ candidate: { candidate: "of the late one" } })]);
    assert.deepEqual(other.pc.candidates, []);
    const [given] = other.sent.splice(0);
    await Promise.all([one.peer.take(given ?? {}), one.peer.take({ candidate: { candidate: "1" } }), one.peer.take({ candidate: null })]);
    assert.deepEqual(one.pc.candidates, [{ candidate: "1" }]);
  });
});

test("a connection that has failed is begun anew from either side", async () => {
  await pair(async (one, other) => {
    one.peer.start();
    await settle();
    await exchange(one, other);
    for (const { pc } of [one, other]) {
      pc.connectionState = "failed";
      (pc as unknown as { onconnectionstatechange: () => void }).onconnectionstatechange();
    }
    await settle();
    assert.deepEqual(await exchange(one, other), ["offer", "offer", "answer"]);
    assert.deepEqual([one.pc.signalingState, other.pc.signalingState], ["stable", "stable"]);
  });
});

test("what is no state of the other side is passed over", () => {
  assert.deepEqual(stateOf('{"hasMic":true,"picture":"screen","more":1}'), { hasMic: true, picture: "screen" });
  for (const data of ["", "{", "null", '{"hasMic":1,"picture":"none"}', '{"hasMic":true,"picture":"x"}', new ArrayBuffer(3), " ".repeat(300)]) {
    assert.equal(stateOf(data), null);
  }
});
