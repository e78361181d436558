/** Everything of one's own broadcast at a glance. */
import { me } from "../../api/session";
import { loginPath } from "../../router";
import { CopyButton, Empty, PageTitle, Spinner, StateBadge, useTitle } from "../../ui/parts";
import { ShareIcon } from "../../ui/icons";
import "./dashboard.css";
import { useOwnStream } from "./own-stream";
import { PANELS, titleOf, type Panel, type PanelProps } from "./panels";
import { t } from "./words";

export default function Dashboard() {
  useTitle(t("dashboard"));
  const user = me.value;
  if (user) return <Own key={user.id} username={user.username} />;
  return (
    <div class="page centred">
      <PageTitle hidden>{t("dashboard")}</PageTitle>
      <Empty title={t("dashboard")}>
        <p>{t("signInText")}</p>
        <a class="button accent large" href={loginPath()}>
          {t("signIn")}
        </a>
      </Empty>
    </div>
  );
}

function Own({ username }: { username: string }) {
  const { stream, onAir, isKnown } = useOwnStream(username);
  if (!isKnown) {
    return (
      <div class="page centred">
        <PageTitle hidden>{t("dashboard")}</PageTitle>
        <Spinner />
      </div>
    );
  }
  const shown = PANELS.filter(({ isOfThePast }) => onAir || isOfThePast);
  return (
    <div class="page dash">
      <div class="dash-head">
        <PageTitle>{t("dashboard")}</PageTitle>
        {stream && (
          <p class="dash-stream">
            <StateBadge state={stream.state} />{" "}
            <a href={`/watch/${stream.id}`}>
              <bdi>{stream.title}</bdi>
            </a>
          </p>
        )}
      </div>
      {!onAir && (
        <Empty title={t("notOnAir")}>
          <p>{t("notOnAirText")}</p>
          <a class="button accent" href="/live">
            {t("goLive")}
          </a>
        </Empty>
      )}
      {stream && (
        <>
          <div class={`dash-panels${onAir ? " dash-on-air" : ""}`}>
            {shown.map((panel) => (
              <Framed key={panel.name} panel={panel} stream={stream} onAir={onAir} />
            ))}
          </div>
          {onAir && <p class="hint">{t("docksHint")}</p>}
        </>
      )}
    </div>
  );
}

function Framed({ panel, ...of }: { panel: Panel } & PanelProps) {
  const name = titleOf(panel);
  const path = `/dock/${panel.name}`;
  const open = (): void => void window.open(path, `dock-${panel.name}`, "popup,width=420,height=720");
  return (
    <section class={`dash-panel dash-${panel.name}${panel.isFramed ? "" : " panel"}`} aria-label={name}>
      <div class="dash-tools">
        {!panel.isFramed && <h2>{of.onAir ? name : t("lastBroadcast")}</h2>}
        {of.onAir && (
          <>
            <button type="button" class="icon-button" title={t("popOut", { name })} aria-label={t("popOut", { name })} onClick={open}>
              <ShareIcon />
            </button>
            <CopyButton text={new URL(path, location.href).href} label={t("dockAddress", { name })} />
          </>
        )}
      </div>
      <panel.Content {...of} />
    </section>
  );
}
