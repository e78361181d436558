/** A call as this page is in it: who else is there, the connection to each, and what becomes of both. */
import { signal } from "@preact/signals";
import type { ServerEvents } from "../../api/schema";
import { ask, AskError, hear, onConnect } from "../../realtime/socket";
import { Peer, type Outgoing, type PeerSignal, type PeerState } from "./peer";

export type CallPerson = ServerEvents["call:joined"]["person"];
export type Ending = ServerEvents["call:ended"]["reason"] | "left" | "refused";

/** Another person of the call, as the page shows them. */
export interface Shown {
  person: CallPerson;
  media: MediaStream;
  state: PeerState;
  connection: RTCPeerConnectionState;
  isSpeaking: boolean;
}

interface Other extends Shown {
  peer: Peer | null;
  /** They have joined anew: the next offer begins another connection. */
  isStale: boolean;
  dropTimer?: ReturnType<typeof setTimeout> | undefined;
}

type Joined = Awaited<ReturnType<typeof ask<"call:join">>>;

/** A person whose connection to the server is lost may still be heard: so long they have to come back. */
const LOST_MS = 35_000;
const LISTEN_MS = 250;
const SPEAKS_FROM = 0.01;
/** New credentials for the TURN servers are asked for when so much of their time is over. */
const RENEW_AT = 0.75;
const UNKNOWN: PeerState = { hasMic: true, picture: "none" };

export class Call {
  readonly id: string;
  readonly others = signal<readonly Shown[]>([]);
  readonly ending = signal<Ending | null>(null);
  readonly ownerId: string;
  /** When it ends by itself, on the clock of Date.now(). */
  readonly endsAt: number;
  onCame: (person: CallPerson) => void = () => undefined;
  onWent: (person: CallPerson) => void = () => undefined;
  #me: string;
  #outgoing: Outgoing;
  #state: PeerState = UNKNOWN;
  #ice: RTCIceServer[] = [];
  #others = new Map<string, Other>();
  #ends: (() => void)[] = [];
  #renewal: ReturnType<typeof setTimeout> | undefined;

  constructor(me: string, joined: Joined, outgoing: Outgoing) {
    this.#me = me;
    this.#outgoing = outgoing;
    this.id = joined.call_id;
    this.ownerId = joined.owner_id;
    this.endsAt = Date.parse(joined.ends_at);
    this.#ends = [
      hear("call:joined", (body) => body.call_id === this.id && this.#came(body.person)),
      hear("call:left", (body) => body.call_id === this.id && this.#left(body.user_id, body.reason === "lost")),
      hear("call:ended", (body) => body.call_id === this.id && this.#ended(body.reason)),
      hear("call:signal", (body) => body.call_id === this.id && this.#signalled(body.from, body as PeerSignal)),
    ];
    this.#meet(joined);
    let isNow = true;
    this.#ends.push(onConnect(() => isNow || void this.#rejoin()));
    isNow = false;
    const listening = setInterval(() => this.#listen(), LISTEN_MS);
    this.#ends.push(() => clearInterval(listening));
  }

  /** What is sent from now on, and what the others are told of it. */
  send(outgoing: Outgoing, state: PeerState): void {
    const before = this.#outgoing;
    [this.#outgoing, this.#state] = [outgoing, state];
    for (const { peer } of this.#others.values()) {
      for (const kind of ["audio", "video"] as const) {
        if (before[kind] !== outgoing[kind]) void peer?.replace(kind, outgoing[kind]).catch(() => undefined);
      }
      peer?.tell(state);
    }
  }

  /** A token for one more person; the owner's to ask for. */
  async invite(): Promise<string> {
    return (await ask("call:invite", { call_id: this.id })).join_token;
  }

  leave(): void {
    if (this.ending.peek()) return;
    void ask("call:leave", { call_id: this.id }).catch(() => undefined);
    this.#ended("left");
  }

  /** Those who were there before are offered a connection. */
  #meet(joined: Joined): void {
    this.#renewIn(joined);
    for (const person of joined.people) {
      if (person.id === this.#me) continue;
      const other = this.#other(person);
      other.peer?.close();
      other.peer = this.#connect(other);
      other.peer.start();
    }
    const there = new Set(joined.people.map(({ id }) => id));
    for (const id of [...this.#others.keys()]) if (!there.has(id)) this.#drop(id);
    this.#show();
  }

  #renewIn(joined: Joined): void {
    this.#ice = joined.ice_servers as RTCIceServer[];
    clearTimeout(this.#renewal);
    if (!joined.ice_expires_at) return;
    const leftMs = Date.parse(joined.ice_expires_at) - Date.now();
    this.#renewal = setTimeout(() => void this.#renew(), Math.max(10_000, leftMs * RENEW_AT));
  }

  /** For connections that have to be made anew later on. */
  async #renew(): Promise<void> {
    try {
      this.#renewIn(await ask("call:join", { call_id: this.id }));
      for (const { peer } of this.#others.values()) peer?.pc.setConfiguration({ iceServers: this.#ice });
    } catch {
      this.#renewal = setTimeout(() => void this.#renew(), 10_000);
    }
  }

  /** The page's connection to the server is another one: the others have heard that the old one is gone. */
  async #rejoin(): Promise<void> {
    try {
      const joined = await ask("call:join", { call_id: this.id });
      if (!this.ending.peek()) this.#meet(joined);
    } catch (error) {
      this.#refused(error);
    }
  }

  #refused(error: unknown): void {
    if (!(error instanceof AskError) || error.isUnanswered || error.code === "unavailable" || error.code === "rate_limited") {
      if (!this.ending.peek()) setTimeout(() => void this.#rejoin(), 2000);
      return;
    }
    this.#ended(error.code === "call_ended" ? "empty" : "refused");
  }

  #came(person: CallPerson): void {
    if (person.id === this.#me) return;
    const isNew = !this.#others.has(person.id);
    const other = this.#other(person);
    clearTimeout(other.dropTimer);
    other.isStale = true;
    this.#show();
    if (isNew) this.onCame(person);
  }

  #left(id: string, isLost: boolean): void {
    const other = this.#others.get(id);
    if (!other) return;
    if (isLost && other.connection === "connected") {
      other.dropTimer = setTimeout(() => this.#drop(id), LOST_MS);
      return;
    }
    this.#drop(id);
  }

  #drop(id: string): void {
    const other = this.#others.get(id);
    if (!other) return;
    clearTimeout(other.dropTimer);
    other.peer?.close();
    this.#others.delete(id);
    this.#show();
    this.onWent(other.person);
  }

  #ended(reason: Ending): void {
    if (this.ending.peek()) return;
    if (reason === "lost") return void this.#rejoin();
    this.ending.value = reason;
    clearTimeout(this.#renewal);
    for (const end of this.#ends) end();
    for (const { peer, dropTimer } of this.#others.values()) {
      clearTimeout(dropTimer);
      peer?.close();
    }
    this.#others.clear();
    this.#show();
  }

  #signalled(from: string, signalled: PeerSignal): void {
    const other = this.#others.get(from);
    if (!other) return;
    const isOffer = signalled.description?.type === "offer";
    if (isOffer && (other.isStale || !other.peer)) {
      other.peer?.close();
      other.peer = this.#connect(other);
    }
    void other.peer?.take(signalled);
  }

  #connect(other: Other): Peer {
    const { id } = other.person;
    other.isStale = false;
    other.media = new MediaStream();
    other.connection = "new";
    const peer: Peer = new Peer({
      pc: new RTCPeerConnection({ iceServers: this.#ice, bundlePolicy: "max-bundle" }),
      isPolite: this.#me < id,
      outgoing: this.#outgoing,
      send: (given) => void this.#relay(id, peer, given),
      onTrack: (track) => {
        other.media.addTrack(track);
        this.#show();
      },
      onState: (state) => {
        other.state = state;
        this.#show();
      },
      onConnection: (state) => {
        if (other.peer !== peer) return;
        other.connection = state;
        this.#show();
      },
    });
    peer.tell(this.#state);
    return peer;
  }

  async #relay(to: string, peer: Peer, given: PeerSignal): Promise<void> {
    try {
      await ask("call:signal", { call_id: this.id, to, ...given } as never);
    } catch (error) {
      if (!(error instanceof AskError) || this.#others.get(to)?.peer !== peer) return;
      if (error.code === "not_in_call") this.#drop(to);
      if (error.code === "not_joined") void this.#rejoin();
    }
  }

  #listen(): void {
    let isChanged = false;
    for (const other of this.#others.values()) {
      const isSpeaking = other.state.hasMic && (other.peer?.level() ?? 0) > SPEAKS_FROM;
      isChanged ||= isSpeaking !== other.isSpeaking;
      other.isSpeaking = isSpeaking;
    }
    if (isChanged) this.#show();
  }

  #other(person: CallPerson): Other {
    const known = this.#others.get(person.id);
    if (known) return known;
    const made: Other = {
      person, media: new MediaStream(), state: UNKNOWN, connection: "new", isSpeaking: false, peer: null, isStale: false,
    };
    this.#others.set(person.id, made);
    return made;
  }

  #show(): void {
    this.others.value = [...this.#others.values()].map(({ person, media, state, connection, isSpeaking }) => ({
      person, media, state, connection, isSpeaking,
    }));
  }
}
