/** One panel and nothing else: a window beside the encoder, or a custom dock of OBS. Narrow, and dark. */
import { useEffect } from "preact/hooks";
import { me } from "../../api/session";
import { ask, connect, onConnect } from "../../realtime/socket";
import { loginPath } from "../../router";
import { Empty, PageTitle, useTitle } from "../../ui/parts";
import { Toasts } from "../../ui/toasts";
import "./dashboard.css";
import { useOwnStream } from "./own-stream";
import { panelNamed, titleOf, type Panel } from "./panels";
import { t } from "./words";

export default function Dock({ name }: { name: string }) {
  const panel = panelNamed(name);
  const user = me.value;
  useTitle(panel ? titleOf(panel) : t("dashboard"));
  useEffect(() => {
    const { theme } = document.documentElement.dataset;
    document.documentElement.dataset["theme"] = "dark";
    return () => {
      if (theme === undefined) delete document.documentElement.dataset["theme"];
      else document.documentElement.dataset["theme"] = theme;
    };
  }, []);
  if (!panel) return <Empty title={t("noDock")} />;
  if (!user) {
    return (
      <Empty title={titleOf(panel)}>
        <a class="button accent" href={loginPath()}>
          {t("signIn")}
        </a>
      </Empty>
    );
  }
  return (
    <>
      <Docked key={user.id} panel={panel} username={user.username} />
      <Toasts />
    </>
  );
}

/** What the room is sent. The chat joins it by itself. */
function useRoom(roomId: string | null): void {
  useEffect(() => {
    if (!roomId) return;
    connect();
    return onConnect(() => void ask("chat:join", { room_id: roomId }).catch(() => undefined));
  }, [roomId]);
}

function Docked({ panel, username }: { panel: Panel; username: string }) {
  const { stream, onAir } = useOwnStream(username);
  useRoom(onAir && stream && panel.name !== "chat" ? stream.chat.room_id : null);
  const isShown = stream !== null && (onAir || panel.isOfThePast);
  return (
    <div class={`dock dock-${panel.name}`}>
      <PageTitle hidden={panel.isFramed === true}>{titleOf(panel)}</PageTitle>
      {isShown ? <panel.Content stream={stream} onAir={onAir} /> : <p class="dim">{t("waitsForStream")}</p>}
    </div>
  );
}
