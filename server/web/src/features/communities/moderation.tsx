/** For moderators: what the community says of itself, who is banned, and what moderators did. */
import { useEffect, useState } from "preact/hooks";
import { navigate } from "../../router";
import { when } from "../../ui/format";
import { PageList } from "../../ui/page-list";
import { Spinner } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { type Act, actsOf, bansOf, type Community, deleteCommunity, setBan } from "./calls";
import { People } from "./members";
import { ChangeCommunity } from "./new";
import { t } from "./words";

export function Moderation({ one, onChange }: { one: Community; onChange: (changed: Community) => void }) {
  const [round, setRound] = useState(0);
  const isOwner = one.viewer?.role === "owner";
  const lift = (username: string): void =>
    void attempt(async () => {
      await setBan(one.name, username, false);
      setRound((last) => last + 1);
    });
  const changed = (next: Community): void => {
    onChange(next);
    setRound((last) => last + 1);
    toast(t("saved"), "good");
  };
  const remove = (): void => {
    if (confirm(t("deleteSure"))) void attempt(() => deleteCommunity(one.name).then(() => navigate("/communities")));
  };
  return (
    <>
      <section aria-labelledby="community-log">
        <h2 id="community-log" class="shelf-title">
          {t("log")}
        </h2>
        <Log name={one.name} of={`${one.id}/${round}`} />
      </section>
      <section aria-labelledby="community-bans">
        <h2 id="community-bans" class="shelf-title">
          {t("bans")}
        </h2>
        <People of={`${one.id}/${round}`} read={(cursor) => bansOf(one.name, cursor)} empty={t("noBans")} label={t("bans")}>
          {(person) => (
            <button type="button" class="button" aria-label={t("liftIt", { name: person.display_name || person.username })} onClick={() => lift(person.username)}>
              {t("lift")}
            </button>
          )}
        </People>
      </section>
      {isOwner && (
        <section aria-labelledby="community-settings">
          <h2 id="community-settings" class="shelf-title">
            {t("settings")}
          </h2>
          <ChangeCommunity of={one} onChange={changed} />
          <button type="button" class="button danger" onClick={remove}>
            {t("delete")}
          </button>
        </section>
      )}
    </>
  );
}

const SAID = {
  admitted: "admitted",
  invited: "logInvited",
  removed: "removed",
  banned: "logBanned",
  role: "logRole",
  post_removed: "postRemoved",
} as const;
const SAID_ALONE = {
  changed: "changed",
  post_pinned: "postPinned",
  post_unpinned: "postUnpinned",
  event_removed: "eventRemoved",
} as const;

function said(act: Act) {
  const nameOf = (one: Act["by"]) => <b dir="auto">{one ? one.display_name || one.username : t("somebody")}</b>;
  const about = SAID[act.action as keyof typeof SAID];
  if (about) return t.rich(about, { who: nameOf(act.by), whom: nameOf(act.person) });
  return t.rich(SAID_ALONE[act.action as keyof typeof SAID_ALONE] ?? "changed", { who: nameOf(act.by) });
}

function Log({ name, of }: { name: string; of: string }) {
  const [list] = useState(() => new PageList<Act>());
  useEffect(() => {
    void list.begin((cursor) => actsOf(name, cursor));
    return () => list.close();
  }, [of]);
  const { items, next } = list.state.value;
  if (!items) return <Spinner />;
  if (!items.length) return <p class="dim">{t("noLog")}</p>;
  return (
    <>
      <ol class="community-log">
        {items.map((act) => (
          <li key={act.id}>
            <span>{said(act)}</span>
            <time class="dim" dateTime={act.at}>
              {when(act.at)}
            </time>
            {act.why && <q dir="auto">{act.why}</q>}
          </li>
        ))}
      </ol>
      {next && (
        <button type="button" class="button more" onClick={() => void list.more()}>
          {t("more")}
        </button>
      )}
    </>
  );
}
