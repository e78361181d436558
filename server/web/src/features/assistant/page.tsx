/** A conversation with the assistant. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath } from "../../router";
import { Missing } from "../../ui/missing";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { getAssistant, listConversations, removeConversation, type Conversation, type State } from "./calls";
import { Composer } from "./composer";
import { Message } from "./message";
import { useTalk } from "./talk";
import { t } from "./words";
import "./assistant.css";

export default function AssistantPage() {
  const [state, setState] = useState<State | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const person = me.value?.id ?? "";
  useTitle(t("title"));
  const load = (): void => {
    setFailure(null);
    if (person) void getAssistant().then(setState, setFailure);
  };
  useEffect(load, [person]);
  if (failure instanceof ApiError && failure.status === 404) return <Missing title={t("off")} text={t("offText")} />;
  return (
    <div class="page narrow assistant">
      <PageTitle>{t("title")}</PageTitle>
      {!person && (
        <a class="button accent" href={loginPath()}>
          {t("signIn")}
        </a>
      )}
      {person && !state && !failure && <Spinner />}
      {Boolean(failure) && (
        <Empty title={sentence(failure)}>
          <button type="button" class="button" onClick={load}>
            {t("retry")}
          </button>
        </Empty>
      )}
      {person && state && <Talk key={person} state={state} changed={load} />}
    </div>
  );
}

function Talk({ state, changed }: { state: State; changed: () => void }) {
  const talk = useTalk(changed);
  const end = useRef<HTMLDivElement>(null);
  const size = talk.messages.reduce((sum, one) => sum + one.text.length, talk.messages.length);
  useEffect(() => {
    if (size) end.current?.scrollIntoView({ block: "nearest" });
  }, [size]);
  return (
    <>
      <Earlier now={talk.conversation} open={talk.open} isBusy={talk.isBusy} />
      {!talk.messages.length && <p class="dim">{t(state.engine === "model" ? "intro" : "introArticles")}</p>}
      <ol class="assistant-talk" aria-label={t("title")}>
        {talk.messages.map((one) => (
          <Message key={one.id} of={one} />
        ))}
      </ol>
      <p class="visually-hidden" role="status">
        {talk.spoken}
      </p>
      {Boolean(talk.failure) && (
        <p class="form-error" role="alert">
          {sentence(talk.failure)}
        </p>
      )}
      <div ref={end} class="assistant-ask">
        <Composer isBusy={talk.isBusy} send={talk.send} stop={talk.stop} />
        <p class="dim">{t("left", { n: state.questions_left })}</p>
      </div>
    </>
  );
}

/** Conversations before this one, and a new one. */
function Earlier({ now, open, isBusy }: { now: string | null; open: (id: string | null) => void; isBusy: boolean }) {
  const [all, setAll] = useState<readonly Conversation[]>([]);
  useEffect(() => void listConversations().then(({ items }) => setAll(items), () => setAll([])), [now]);
  const remove = async (id: string): Promise<void> => {
    await removeConversation(id);
    open(null);
  };
  return (
    <div class="row assistant-earlier">
      <select
        class="assistant-select"
        aria-label={t("earlier")}
        value={now ?? ""}
        disabled={isBusy}
        onChange={(event) => open(event.currentTarget.value || null)}
      >
        <option value="">{t("fresh")}</option>
        {all.map((one) => (
          <option key={one.id} value={one.id}>
            {one.title}
          </option>
        ))}
      </select>
      {now && (
        <button type="button" class="button small" disabled={isBusy} onClick={() => void remove(now)}>
          {t("remove")}
        </button>
      )}
    </div>
  );
}
