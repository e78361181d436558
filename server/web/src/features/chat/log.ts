/**
 * The list of chat messages, written straight to the DOM so that a busy room costs one small write a frame:
 * what arrives is queued and put down once per animation frame, rows are never touched again, and the number
 * of rows is capped. While the reader has scrolled up nothing moves: new messages wait in a buffer.
 */
import type { Attachment, ChatEntry, ChatMessage } from "../../api/types";
import { clock, hue } from "../../ui/format";
import type { Looks } from "./looks";
import { nameColour } from "./name-colours";
import { marksOf, type Reacting } from "./marks";
import { t } from "./words";
import { nameNodes, textNodes } from "./written";

export interface LogPort {
  /** How many messages wait below while the reader has scrolled up. */
  onWaiting: (count: number) => void;
  /** Messages before this offset, for a reader who scrolls to the top; null where there is no more. */
  older: ((before: number) => Promise<ChatEntry[]>) | null;
  /** What the reader may do with a message, as buttons. */
  actions: (message: ChatMessage) => RowAction[];
  /** A sentence for screen readers, already throttled. */
  announce: (text: string) => void;
  ownName: string | null;
  /** Null where threads cannot be read. */
  openThread: ((messageId: string) => void) | null;
  looks: Looks;
  /** Where messages take reactions: who reads, and what a press on an emoji does. */
  reacting?: Reacting;
}

export interface RowAction {
  label: string;
  /** What a screen reader calls it; without it the label. */
  name?: string;
  act: () => void;
}

const MAX_ROWS = 150;
const MAX_ROWS_READING = 450;
const MAX_WAITING = 450;
const LET_GO_PX = 8;
const CATCH_PX = 24;
const ANNOUNCE_EVERY_MS = 4000;

const rowTemplate = document.createElement("template");
rowTemplate.innerHTML =
  '<li class="message"><button type="button" class="message-quote" tabindex="-1" hidden></button><time></time><span class="message-name"></span><span class="message-text"></span></li>';

export class ChatLog {
  #scroller: HTMLElement;
  #list: HTMLElement;
  #port: LogPort;
  #actions: HTMLElement;
  #rows = new Map<string, HTMLElement>();
  #messages = new WeakMap<HTMLElement, ChatEntry>();
  #queue: ChatEntry[] = [];
  #waiting: ChatEntry[] = [];
  #pinned = true;
  #frame = 0;
  #top = 0;
  #loadingOlder = false;
  #atStart = false;
  #active: HTMLElement | null = null;
  #lastAnnounced = 0;
  #unannounced = 0;
  #abort = new AbortController();
  #resize: ResizeObserver;

  constructor({ scroller, list, port }: { scroller: HTMLElement; list: HTMLElement; port: LogPort }) {
    this.#scroller = scroller;
    this.#list = list;
    this.#port = port;
    this.#actions = document.createElement("span");
    this.#actions.className = "message-actions";
    const { signal } = this.#abort;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    const ofMouse = (event: PointerEvent): boolean => event.pointerType === "mouse";
    list.addEventListener("pointerover", (event) => ofMouse(event) && this.#point(event.target), { signal });
    list.addEventListener("pointerleave", (event) => ofMouse(event) && this.#choose(null), { signal });
    list.addEventListener("click", (event) => this.#clicked(event.target), { signal });
    scroller.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#resize = new ResizeObserver(() => this.#pinned && this.#toEnd());
    this.#resize.observe(scroller);
  }

  close(): void {
    this.#abort.abort();
    this.#resize.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  setPort(port: LogPort): void {
    const isRepainted = port.looks !== this.#port.looks;
    this.#port = port;
    if (isRepainted) this.#repaint();
  }

  /** Emotes and badges came after the messages. */
  #repaint(): void {
    for (const row of this.#rows.values()) {
      const entry = this.#messages.get(row);
      if (!entry || entry.deleted) continue;
      if (entry.text.includes(":")) row.querySelector(".message-text")?.replaceChildren(...textNodes(entry.text, this.#port.looks.emotes));
      if (entry.user.badges?.length) row.querySelector(".message-name")?.replaceChildren(...nameNodes(entry, this.#port.looks.badges));
    }
  }

  reset(entries: ChatEntry[]): void {
    this.#queue = [];
    this.#waiting = [];
    this.#rows.clear();
    this.#list.replaceChildren();
    this.#active = null;
    this.#pinned = true;
    this.#atStart = false;
    this.#port.onWaiting(0);
    this.#queue.push(...entries.slice(-MAX_ROWS));
    this.#schedule();
  }

  append(entries: ChatEntry[]): void {
    if (this.#pinned) {
      this.#queue.push(...entries);
      if (this.#queue.length > MAX_ROWS) this.#queue.splice(0, this.#queue.length - MAX_ROWS);
    } else {
      this.#waiting.push(...entries);
      if (this.#waiting.length > MAX_WAITING) this.#waiting.splice(0, this.#waiting.length - MAX_WAITING);
    }
    this.#schedule();
  }

  /** Put messages where their offsets belong; those too old to be shown are left out. */
  insert(entries: ChatEntry[]): void {
    this.#flush();
    const rows = [...this.#list.children] as HTMLElement[];
    for (const entry of entries) {
      if (this.#rows.has(entry.id)) continue;
      const after = rows.find((row) => (this.#messages.get(row)?.offset ?? 0) > entry.offset);
      this.#list.insertBefore(this.#row(entry), after ?? null);
    }
    this.#trim();
    if (this.#pinned) this.#toEnd();
  }

  /** What this person (null: anybody) wrote up to the offset is gone; its rows stay as places. */
  clear(upTo: number, userId: string | null): void {
    const isGone = (entry: ChatEntry): boolean =>
      entry.offset <= upTo && !entry.deleted && (userId === null || entry.user.id === userId);
    const shown = [...this.#list.children].map((row) => this.#messages.get(row as HTMLElement));
    for (const entry of [...this.#queue, ...this.#waiting, ...shown]) if (entry && isGone(entry)) this.remove(entry.id);
  }

  /** Whose messages are shown: ids by username, the latest last. */
  people(): Map<string, string> {
    const found = new Map<string, string>();
    for (const row of this.#list.children) {
      const entry = this.#messages.get(row as HTMLElement);
      if (!entry || entry.deleted) continue;
      found.delete(entry.user.username);
      found.set(entry.user.username, entry.user.id);
    }
    return found;
  }

  /** The message has another text or other reactions. */
  change(messageId: string, fields: Partial<ChatMessage>): void {
    for (const list of [this.#queue, this.#waiting]) {
      const at = list.findIndex((entry) => entry.id === messageId);
      const found = list[at];
      if (found && !found.deleted) list[at] = { ...found, ...fields };
    }
    const row = this.#rows.get(messageId);
    const entry = row && this.#messages.get(row);
    if (!row || !entry || entry.deleted) return;
    const isChosen = row === this.#active;
    if (isChosen) this.#choose(null);
    const fresh = this.#row({ ...entry, ...fields });
    row.replaceWith(fresh);
    if (isChosen) this.#choose(fresh);
    if (this.#pinned) this.#toEnd();
  }

  /** A message that was deleted is there again; one that is not shown is read with its page. */
  restore(entry: ChatEntry): void {
    for (const list of [this.#queue, this.#waiting]) {
      const at = list.findIndex((one) => one.id === entry.id);
      if (at >= 0) list[at] = entry;
    }
    const row = this.#rows.get(entry.id);
    if (!row) return;
    row.replaceWith(this.#row(entry));
    if (this.#pinned) this.#toEnd();
  }

  remove(messageId: string): void {
    for (const list of [this.#queue, this.#waiting]) {
      const at = list.findIndex((entry) => entry.id === messageId);
      const found = list[at];
      if (found) list[at] = { id: found.id, offset: found.offset, deleted: true };
    }
    const row = this.#rows.get(messageId);
    const entry = row && this.#messages.get(row);
    if (!row || !entry) return;
    const gone: ChatEntry = { id: entry.id, offset: entry.offset, deleted: true };
    const fresh = this.#row(gone);
    row.replaceWith(fresh);
  }

  /** Back to the newest message. */
  pin(): void {
    this.#pinned = true;
    this.#queue.push(...this.#waiting.slice(-MAX_ROWS));
    this.#waiting = [];
    this.#port.onWaiting(0);
    this.#flush();
    this.#toEnd();
  }

  #schedule(): void {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#pinned) this.#port.onWaiting(this.#waiting.length);
    const entries = this.#queue;
    if (!entries.length) return;
    this.#queue = [];
    const fragment = document.createDocumentFragment();
    for (const entry of entries) if (!this.#rows.has(entry.id)) fragment.append(this.#row(entry));
    this.#list.append(fragment);
    this.#trim();
    if (this.#pinned) this.#toEnd();
    this.#speak(entries);
  }

  #trim(): void {
    const most = this.#pinned ? MAX_ROWS : MAX_ROWS_READING;
    let surplus = this.#rows.size - most;
    while (surplus-- > 0) {
      const first = this.#list.firstElementChild as HTMLElement | null;
      if (!first) return;
      this.#drop(first);
      this.#atStart = false;
    }
  }

  #drop(row: HTMLElement): void {
    const entry = this.#messages.get(row);
    if (entry) this.#rows.delete(entry.id);
    if (row === this.#active) this.#active = null;
    row.remove();
  }

  #row(entry: ChatEntry): HTMLElement {
    const row = (rowTemplate.content.firstElementChild as HTMLElement).cloneNode(true) as HTMLElement;
    const [quote, time, name, text] = row.children as unknown as [HTMLElement, HTMLElement, HTMLElement, HTMLElement];
    this.#rows.set(entry.id, row);
    this.#messages.set(row, entry);
    if (entry.deleted) {
      row.classList.add("message-deleted");
      text.textContent = t("deleted");
      return row;
    }
    if (entry.announcement) {
      row.classList.add("message-announcement");
      row.dataset["label"] = t("announcement");
    }
    time.textContent = clock(entry.sent_at);
    time.setAttribute("datetime", entry.sent_at);
    name.append(...nameNodes(entry, this.#port.looks.badges));
    const colour = hue(entry.user.username);
    name.style.setProperty("--name-light", nameColour(colour, "light"));
    name.style.setProperty("--name-dark", nameColour(colour, "dark"));
    text.append(...textNodes(entry.text, this.#port.looks.emotes));
    if (entry.reply_to) this.#quote(quote, entry.reply_to);
    if (entry.attachments?.length) row.append(picturesOf(entry.attachments));
    row.append(...marksOf(entry, this.#port.reacting));
    if (this.#port.ownName && mentions(entry.text, this.#port.ownName)) row.classList.add("message-mention");
    return row;
  }

  #quote(into: HTMLElement, messageId: string): void {
    const row = this.#rows.get(messageId);
    const original = row && this.#messages.get(row);
    const words = original && !original.deleted ? `${original.user.display_name}: ${saidIn(original)}` : t("earlier");
    into.textContent = `↳ ${words}`;
    into.title = t("openThread");
    into.hidden = false;
  }

  /** Only a reader's own move upwards lets go of the end: rows that come and go move the position too. */
  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const left = scrollHeight - scrollTop - clientHeight;
    const upwards = scrollTop < this.#top - 1;
    const downwards = scrollTop > this.#top;
    this.#top = scrollTop;
    if (this.#pinned && upwards && left > LET_GO_PX) this.#pinned = false;
    else if (!this.#pinned && downwards && left < CATCH_PX) this.pin();
    if (scrollTop < 40 && !this.#pinned) void this.#loadOlder();
  }

  #toEnd(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#top = this.#scroller.scrollTop;
  }

  async #loadOlder(): Promise<void> {
    const first = this.#list.firstElementChild as HTMLElement | null;
    const before = first && this.#messages.get(first)?.offset;
    if (!this.#port.older || !before || before <= 1 || this.#loadingOlder || this.#atStart) return;
    if (this.#rows.size >= MAX_ROWS_READING) return;
    this.#loadingOlder = true;
    try {
      const entries = await this.#port.older(before);
      this.#atStart = entries.length === 0;
      this.#prepend(entries);
    } catch {
      // The reader scrolls again, and it is tried again.
    } finally {
      this.#loadingOlder = false;
    }
  }

  #prepend(entries: ChatEntry[]): void {
    const fragment = document.createDocumentFragment();
    for (const entry of entries) if (!this.#rows.has(entry.id)) fragment.append(this.#row(entry));
    const height = this.#scroller.scrollHeight;
    const top = this.#scroller.scrollTop;
    this.#list.prepend(fragment);
    this.#scroller.scrollTop = top + this.#scroller.scrollHeight - height;
  }

  #clicked(target: EventTarget | null): void {
    this.#point(target);
    const quote = target instanceof Element ? target.closest<HTMLElement>(".message-quote") : null;
    const entry = quote && this.#messages.get(quote.closest<HTMLElement>(".message") ?? quote);
    if (entry) this.#port.openThread?.(entry.id);
  }

  #point(target: EventTarget | null): void {
    const row = target instanceof Element ? target.closest<HTMLElement>(".message") : null;
    if (row) this.#choose(row);
  }

  #choose(row: HTMLElement | null): void {
    if (row === this.#active) return;
    this.#active?.classList.remove("message-active");
    setNameStop(this.#active, false);
    this.#active = row;
    const entry = row && this.#messages.get(row);
    const actions = entry && !entry.deleted ? this.#port.actions(entry) : [];
    this.#actions.replaceChildren(...actions.map(actionButton));
    setNameStop(row, true);
    if (!row || !actions.length) return this.#actions.remove();
    row.classList.add("message-active");
    row.append(this.#actions);
  }

  /** Arrow keys walk through the messages; the chosen one carries its buttons, which Tab reaches. */
  #key(event: KeyboardEvent): void {
    const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (!step && event.key !== "End") return;
    event.preventDefault();
    if (event.key === "End") return this.pin();
    const rows = [...this.#list.children] as HTMLElement[];
    const at = this.#active ? rows.indexOf(this.#active) : rows.length;
    const row = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    if (!row) return;
    this.#choose(row);
    row.scrollIntoView({ block: "nearest" });
    const entry = this.#messages.get(row);
    if (entry && !entry.deleted) this.#port.announce(`${entry.user.display_name}: ${saidIn(entry)}`);
  }

  /** A slow room is read out; of a fast one only how much was said, and no more often than every few seconds. */
  #speak(entries: ChatEntry[]): void {
    this.#unannounced += entries.length;
    const now = performance.now();
    if (now - this.#lastAnnounced < ANNOUNCE_EVERY_MS) return;
    this.#lastAnnounced = now;
    const last = entries.at(-1);
    if (this.#unannounced > 3) this.#port.announce(t("newMessages", { n: this.#unannounced }));
    else if (last && !last.deleted) this.#port.announce(`${last.user.display_name}: ${saidIn(last)}`);
    this.#unannounced = 0;
  }
}

function actionButton({ label, name, act }: RowAction): HTMLElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  if (name) button.setAttribute("aria-label", name);
  button.addEventListener("click", act);
  return button;
}

/** The name and the quote of the chosen message alone are reached by Tab: a hundred names would stand between the chat and its composer. */
function setNameStop(row: HTMLElement | null, isStop: boolean): void {
  for (const stop of row?.querySelectorAll<HTMLElement>(".message-name a, .message-quote") ?? []) stop.tabIndex = isStop ? 0 : -1;
}

/** The words of a message, or what its pictures show. */
const saidIn = ({ text, attachments = [] }: ChatMessage): string =>
  text || attachments.map(({ alt }) => alt).filter(Boolean).join(", ") || t("pictures", { n: attachments.length });

/** Their places have their sizes before they come, so that nothing moves. */
function picturesOf(attachments: readonly Attachment[]): HTMLElement {
  const all = document.createElement("span");
  all.className = "message-pictures";
  for (const one of attachments) {
    const link = document.createElement("a");
    link.href = one.url;
    link.target = "_blank";
    const image = document.createElement("img");
    Object.assign(image, { src: one.preview_url, alt: one.alt || t("pictures", { n: 1 }), width: one.width, height: one.height, loading: "lazy" });
    link.append(image);
    all.append(link);
  }
  return all;
}

const mentions = (text: string, name: string): boolean =>
  text.toLocaleLowerCase().split(/[^\p{L}\p{N}_.@-]+/u).includes(`@${name.toLocaleLowerCase()}`);
