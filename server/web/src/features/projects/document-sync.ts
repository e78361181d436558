/**
 * A document and its server: what is written here is sent until it is acknowledged, what others write comes in, and after
 * an absence each side is told what it lacks.
 */
import { signal } from "@preact/signals";
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";
import * as Y from "yjs";
import { accessToken } from "../../api/session";
import { ask, AskError, connect, hear, onConnect, tell } from "../../realtime/socket";
import { type Caret, caretsOf, nameOf, positionAt } from "./places";
import { fromBase64, toBase64 } from "./shared-text";

const SERVER = "server";
const BATCH = 50;
/** Nothing tells of an event that was lost, so it is looked for what is missing. */
const LOOK_MS = 20_000;
const AGAIN_MS = 2000;
/** So often at most the others are told where one is. */
const CARET_MS = 100;
const GIVEN_UP = ["invalid", "forbidden", "document_full", "too_large", "not_found", "missing_scope"];

export type SyncState = "opening" | "saved" | "saving" | "offline" | "refused" | "closed";

export class DocumentSync {
  readonly doc = new Y.Doc();
  readonly text = this.doc.getText("content");
  readonly awareness = new Awareness(this.doc);
  readonly state = signal<SyncState>("opening");
  readonly why = signal("");
  readonly mayWrite = signal(false);
  readonly people = signal<string[]>([]);
  readonly carets = signal<Caret[]>([]);
  /** Counts the edits of all, and the changes of comments. */
  readonly edits = signal(0);
  readonly comments = signal(0);
  readonly #id: string;
  readonly #forget: (() => void)[];
  #unsent: Uint8Array[] = [];
  #isSending = false;
  #isJoining = false;
  #seq = -1;
  #again: ReturnType<typeof setTimeout> | undefined;
  #telling: ReturnType<typeof setTimeout> | undefined;
  #caret: number | null = null;

  constructor(id: string, name: string) {
    this.#id = id;
    this.awareness.setLocalStateField("user", { name });
    this.doc.on("update", this.#written);
    this.awareness.on("update", this.#moved);
    this.text.observe(() => {
      this.edits.value += 1;
      this.carets.value = caretsOf(this.doc, this.awareness.getStates());
    });
    connect();
    const look = setInterval(() => void this.#join(), LOOK_MS);
    this.#forget = [
      onConnect(() => void this.#join()),
      hear("doc:update", (body) => body.document_id === id && this.#came(body.update, body.from, body.seq)),
      hear("doc:awareness", (body) => body.document_id === id && applyAwarenessUpdate(this.awareness, fromBase64(body.update), SERVER)),
      hear("doc:comments", (body) => {
        if (body.document_id === id) this.comments.value += 1;
      }),
      hear("doc:closed", (body) => body.document_id === id && this.#close()),
      () => clearInterval(look),
    ];
  }

  /** Where one's own caret is; null: nowhere. */
  place(at: number | null): void {
    this.#caret = at;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.awareness.setLocalStateField("caret", this.#caret === null ? null : positionAt(this.text, this.#caret));
    }, CARET_MS);
  }

  close(): void {
    clearTimeout(this.#telling);
    removeAwarenessStates(this.awareness, [this.doc.clientID], "left");
    for (const one of this.#forget) one();
    clearTimeout(this.#again);
    tell("doc:leave", { document_id: this.#id });
    this.awareness.destroy();
    this.doc.destroy();
  }

  #written = (update: Uint8Array, origin: unknown): void => {
    if (origin === SERVER) return;
    this.#unsent.push(update);
    void this.#send();
  };

  #moved = ({ added, updated, removed }: Record<"added" | "updated" | "removed", number[]>, origin: unknown): void => {
    const others = [...this.awareness.getStates()].filter(([id]) => id !== this.doc.clientID);
    this.people.value = [...new Set(others.map(([, one]) => nameOf(one)).filter(Boolean))];
    this.carets.value = caretsOf(this.doc, this.awareness.getStates());
    if (origin === SERVER || this.#seq < 0) return;
    const update = encodeAwarenessUpdate(this.awareness, [...added, ...updated, ...removed]);
    tell("doc:awareness", { document_id: this.#id, update: toBase64(update) });
  };

  #came(update: string, from: number, seq: number): void {
    Y.applyUpdate(this.doc, fromBase64(update), SERVER);
    if (from > this.#seq) void this.#join();
    else this.#seq = Math.max(this.#seq, seq);
  }

  async #join(): Promise<void> {
    if (this.#isJoining || this.state.peek() === "closed") return;
    this.#isJoining = true;
    try {
      const isFirst = this.#seq < 0;
      const joined = await ask("doc:join", { document_id: this.#id, state_vector: toBase64(Y.encodeStateVector(this.doc)) });
      Y.applyUpdate(this.doc, fromBase64(joined.update), SERVER);
      this.#seq = joined.seq;
      this.mayWrite.value = joined.may_write;
      if (isFirst) this.awareness.setLocalStateField("user", this.awareness.getLocalState()?.["user"]);
      if (this.state.peek() !== "refused") this.state.value = "saved";
      void this.#send();
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      if (error.code === "too_large") await this.#readWhole();
      else if (GIVEN_UP.includes(error.code)) this.#refuse(error);
      else this.state.value = "offline";
    } finally {
      this.#isJoining = false;
    }
  }

  /** A document that is too large for one event comes as a file, and then what changed since. */
  async #readWhole(): Promise<void> {
    const token = await accessToken();
    const answer = await fetch(`/api/v1/documents/${this.#id}/state`, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
    if (answer.ok) Y.applyUpdate(this.doc, new Uint8Array(await answer.arrayBuffer()), SERVER);
    this.#later(() => void this.#join());
  }

  async #send(): Promise<void> {
    if (this.#isSending || this.#unsent.length === 0 || this.#seq < 0) return;
    this.#isSending = true;
    this.state.value = "saving";
    const batch = this.#unsent.slice(0, BATCH);
    try {
      const update = batch.length === 1 ? batch[0]! : Y.mergeUpdates(batch);
      await ask("doc:update", { document_id: this.#id, update: toBase64(update) });
      this.#unsent.splice(0, batch.length);
      this.state.value = "saved";
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      if (GIVEN_UP.includes(error.code)) this.#refuse(error);
      else {
        this.state.value = "offline";
        this.#later(() => void this.#send());
      }
      return;
    } finally {
      this.#isSending = false;
    }
    void this.#send();
  }

  #later(act: () => void): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(act, AGAIN_MS);
  }

  #refuse(error: AskError): void {
    this.why.value = error.message;
    this.state.value = "refused";
  }

  #close(): void {
    this.state.value = "closed";
    this.mayWrite.value = false;
  }
}
