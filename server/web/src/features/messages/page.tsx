/** Conversations: the list beside the one that is open; on a phone one after the other. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { connect } from "../../realtime/socket";
import { loginPath, navigate } from "../../router";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { List } from "./list";
import { NewConversation } from "./new";
import { Opened } from "./opened";
import { held, more, refresh, start } from "./store";
import { t } from "./words";
import "./messages.css";

export default function MessagesPage({ conversationId = "" }: { conversationId?: string }) {
  const [isNew, setNew] = useState(false);
  useTitle(t("title"));
  useEffect(() => {
    if (!me.value) return navigate(loginPath(), true);
    start();
    connect();
    void attempt(refresh);
  }, [me.value?.id]);
  const list = held.value;
  return (
    <div class={`messages${conversationId ? " messages-open" : ""}`}>
      <section class="messages-side" aria-label={t("list")}>
        <header class="messages-head">
          <PageTitle>{t("title")}</PageTitle>
          <button type="button" class="button accent" onClick={() => setNew(true)}>
            {t("begin")}
          </button>
        </header>
        {!list && <Spinner />}
        {list && !list.items.length && (
          <Empty title={t("none")}>
            <p>{t("noneText")}</p>
          </Empty>
        )}
        {list && <List items={list.items} openId={conversationId} />}
        {list?.next && (
          <button type="button" class="button more" onClick={() => void attempt(more)}>
            {t("more")}
          </button>
        )}
      </section>
      {conversationId && me.value ? (
        <Opened key={conversationId} id={conversationId} />
      ) : (
        <p class="messages-choose">{list && list.items.length > 0 && t("choose")}</p>
      )}
      {isNew && <NewConversation onDone={() => setNew(false)} />}
    </div>
  );
}
