/** What has been asked and answered in the conversation that the page shows, and the answer that is on its way. */
import { useEffect, useRef, useState } from "preact/hooks";
import { randomId } from "../../api/locks";
import { ask, listMessages } from "./calls";
import type { AnswerEvent, Proposal, Source } from "./events";
import { t } from "./words";

export interface Shown {
  readonly id: string;
  readonly role: "asker" | "assistant";
  readonly text: string;
  readonly sources: readonly Source[];
  readonly proposal?: Proposal | undefined;
  /** It is on its way, was stopped, or broke off. */
  readonly end?: "coming" | "stopped" | "incomplete" | undefined;
}

export interface TalkState {
  readonly messages: readonly Shown[];
  readonly conversation: string | null;
  readonly isBusy: boolean;
  readonly failure: unknown;
  /** What a screen reader is told: that an answer is made, and the answer once it is there. */
  readonly spoken: string;
  readonly send: (text: string) => void;
  readonly stop: () => void;
  readonly open: (id: string | null) => void;
}

const after = (one: Shown, event: AnswerEvent): Shown => ({
  ...one,
  text: one.text + (event.delta ?? ""),
  proposal: event.proposal ?? one.proposal,
  sources: event.sources ?? one.sources,
  end: event.sources ? (event.complete ? undefined : "incomplete") : one.end,
});

export function useTalk(changed: () => void): TalkState {
  const [messages, setMessages] = useState<readonly Shown[]>([]);
  const [conversation, setConversation] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [spoken, setSpoken] = useState("");
  const running = useRef<AbortController | null>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => () => running.current?.abort(), []);

  const change = (id: string, to: (one: Shown) => Shown): void => setMessages((all) => all.map((one) => (one.id === id ? to(one) : one)));

  const send = async (text: string): Promise<void> => {
    const controller = new AbortController();
    const answer: Shown = { id: randomId(), role: "assistant", text: "", sources: [], end: "coming" };
    let told = "";
    running.current = controller;
    setBusy(true);
    setFailure(null);
    setSpoken(t("answering"));
    setMessages((all) => [...all, { id: randomId(), role: "asker", text, sources: [] }, answer]);
    const event = (one: AnswerEvent): void => {
      told += one.delta ?? "";
      change(answer.id, (before) => after(before, one));
    };
    try {
      await ask(text, conversation, { begun: setConversation, event }, controller.signal);
      change(answer.id, (one) => (one.end === "coming" ? { ...one, end: "incomplete" } : one));
      setSpoken(told);
    } catch (error) {
      const isStopped = controller.signal.aborted;
      change(answer.id, (one) => ({ ...one, end: isStopped ? "stopped" : "incomplete" }));
      if (!isStopped) setFailure(error);
      setSpoken(isStopped ? t("stopped") : "");
    } finally {
      running.current = null;
      setBusy(false);
      changed();
    }
  };

  const open = async (id: string | null): Promise<void> => {
    setConversation(id);
    setMessages([]);
    setFailure(null);
    setSpoken("");
    try {
      setMessages(id ? await all(id) : []);
    } catch (error) {
      setFailure(error);
    }
  };

  return { messages, conversation, isBusy, failure, spoken, send: (text) => void send(text), stop: () => running.current?.abort(), open: (id) => void open(id) };
}

/** A conversation has an end, so that this has one too. */
async function all(id: string): Promise<Shown[]> {
  const found: Shown[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await listMessages(id, cursor);
    found.push(...page.items);
    cursor = page.next;
  }
  return found;
}
