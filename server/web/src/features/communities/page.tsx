/** A community: its head, and one of its parts by the address. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { Missing } from "../../ui/missing";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { About } from "./about";
import { type Community, getCommunity, setMembership } from "./calls";
import { CommunityMark, Facts } from "./card";
import { CommunityChat } from "./chat";
import { Events } from "./events";
import { Members } from "./members";
import { Moderation } from "./moderation";
import { Posts } from "./posts";
import { t } from "./words";
import "./communities.css";

const TABS = ["posts", "events", "chat", "members", "about", "moderation"] as const;
type Tab = (typeof TABS)[number];
const LABELS = { posts: "posts", events: "events", chat: "chat", members: "people", about: "about", moderation: "moderation" } as const;

export const mayModerate = (one: Community): boolean => one.viewer?.role === "owner" || one.viewer?.role === "moderator";
const isMember = (one: Community): boolean => one.viewer?.state === "member";
export const isReadable = (one: Community): boolean => isMember(one) || (one.access === "open" && one.viewer?.state !== "banned");

function tabsOf(one: Community): Tab[] {
  if (!isReadable(one)) return ["about"];
  return TABS.filter((tab) => (tab !== "chat" || isMember(one)) && (tab !== "moderation" || mayModerate(one)));
}

/** The community of an address; null until it is there. */
export function useCommunity(name: string): { one: Community | null; failure: unknown; read: () => Promise<void>; set: (one: Community) => void } {
  const [one, set] = useState<Community | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const read = (): Promise<void> => getCommunity(name).then(set, setFailure);
  useEffect(() => {
    set(null);
    setFailure(null);
    void read();
  }, [name, me.value?.id]);
  return { one, failure, read, set };
}

export function Unread({ failure, title }: { failure: unknown; title: string }) {
  if (failure instanceof ApiError && [400, 404, 422].includes(failure.status)) return <Missing title={title} text={t("goneText")} />;
  return (
    <div class="page centred">
      <PageTitle hidden>{t("title")}</PageTitle>
      {failure ? <Empty title={sentence(failure)} /> : <Spinner />}
    </div>
  );
}

export default function CommunityPage({ name, tab }: { name: string; tab?: string }) {
  const { one, failure, read, set } = useCommunity(name);
  useTitle(one?.title ?? t("title"));
  if (!one) return <Unread failure={failure} title={t("gone")} />;
  const tabs = tabsOf(one);
  const here = tabs.find((each) => each === tab) ?? tabs[0] ?? "about";
  return (
    <div class="page narrow community">
      <header class="community-head">
        <CommunityMark of={one} size={72} />
        <div class="community-text">
          <PageTitle>
            <span dir="auto">{one.title}</span>
          </PageTitle>
          <Facts of={one} />
        </div>
        <Entering one={one} onChange={() => void read()} />
      </header>
      <nav class="community-tabs" aria-label={t("tabs")}>
        {tabs.map((each) => (
          <a key={each} href={each === "posts" ? `/c/${one.name}` : `/c/${one.name}/${each}`} aria-current={each === here ? "page" : undefined}>
            {t(LABELS[each])}
          </a>
        ))}
      </nav>
      {here === "posts" && <Posts one={one} />}
      {here === "events" && <Events one={one} />}
      {here === "chat" && <CommunityChat one={one} />}
      {here === "members" && <Members one={one} onChange={() => void read()} />}
      {here === "about" && <About one={one} />}
      {here === "moderation" && <Moderation one={one} onChange={set} />}
    </div>
  );
}

/** What one may do to get in or out. */
function Entering({ one, onChange }: { one: Community; onChange: () => void }) {
  const state = one.viewer?.state;
  const set = (isIn: boolean, sure = ""): void => {
    if (!me.value) return navigate(loginPath());
    if (!sure || confirm(sure)) void attempt(() => setMembership(one.name, isIn).then(onChange));
  };
  if (state === "banned" || one.viewer?.role === "owner") return null;
  if (state === "member") {
    return (
      <button type="button" class="button" onClick={() => set(false, t("leaveSure"))}>
        {t("leave")}
      </button>
    );
  }
  if (state === "asked") {
    return (
      <button type="button" class="button" onClick={() => set(false)}>
        {t("takeBack")}
      </button>
    );
  }
  if (one.access === "invite" && state !== "invited") return null;
  return (
    <button type="button" class="button accent" onClick={() => set(true)}>
      {t(state === "invited" ? "accept" : one.access === "open" ? "join" : "ask")}
    </button>
  );
}
