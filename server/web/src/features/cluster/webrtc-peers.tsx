/** Those who publish and watch over WebRTC, of all nodes, as reports tell of them. Asked only while it is open. */
import { useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import type { WebrtcPeer, WebrtcPeers } from "../../api/types";
import { bitrate, count, listed, percent } from "../../ui/format";
import { Spinner, useInterval } from "../../ui/parts";
import { Scroll } from "../../ui/scroll";
import { getWebrtcPeers } from "./calls";
import { ms } from "./measures";
import { t } from "./words";

const REFRESH_MS = 3000;
const NONE = "–";

export function WebrtcPeersPanel() {
  const [open, setOpen] = useState(false);
  const [peers, setPeers] = useState<WebrtcPeers | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const busy = useRef(false);
  const ask = async (): Promise<void> => {
    if (busy.current) return;
    busy.current = true;
    try {
      setPeers(await getWebrtcPeers());
      setFailure(null);
    } catch (error) {
      setFailure(error);
    } finally {
      busy.current = false;
    }
  };
  useInterval(() => void ask(), REFRESH_MS, open);
  const toggled = (isOpen: boolean): void => {
    setOpen(isOpen);
    if (isOpen) void ask();
  };
  return (
    <section class="panel" aria-labelledby="admin-webrtc">
      <details onToggle={(event) => toggled(event.currentTarget.open)}>
        <summary>
          <h2 id="admin-webrtc" class="admin-summary">
            {t("webrtcPeers")}
          </h2>
        </summary>
        {open && (failure ? <p role="status">{sentence(failure)}</p> : peers ? <Found peers={peers} /> : <Spinner />)}
      </details>
    </section>
  );
}

function Found({ peers }: { peers: WebrtcPeers }) {
  return (
    <>
      {peers.silent.length > 0 && <p class="admin-flag">{t("nodesSilent", { nodes: listed(peers.silent) })}</p>}
      <h3>{t("webrtcPublishers")}</h3>
      {peers.publishers.length ? (
        <Table label={t("webrtcPublishers")} peers={peers.publishers} last={[[t("fromCamera"), ({ latency_ms: latency }) => (latency === null ? NONE : ms(latency))]]} />
      ) : (
        <p class="dim">{t("noPublishers")}</p>
      )}
      <h3>{t("webrtcViewers")}</h3>
      {peers.viewers.length ? (
        <Table
          label={t("webrtcViewers")}
          peers={peers.viewers}
          last={[
            [t("carries"), ({ estimate }) => (estimate === null ? NONE : bitrate(estimate))],
            [t("rendition"), ({ rendition }) => rendition || NONE],
          ]}
        />
      ) : (
        <p class="dim">{t("noViewers")}</p>
      )}
    </>
  );
}

type Column = [name: string, show: (peer: WebrtcPeer) => string];

function Table({ label, peers, last }: { label: string; peers: WebrtcPeer[]; last: Column[] }) {
  const columns: Column[] = [
    [t("roundTrip"), ({ rtt_ms: trip }) => (trip === null ? NONE : ms(trip))],
    [t("lossNow"), ({ lost_share: share, lost }) => `${percent(share)} (${count(Math.max(0, lost))})`],
    [t("jitter"), ({ jitter_ms: jitter }) => ms(jitter)],
    [t("webrtcTraffic"), (peer) => bitrate(peer.bitrate)],
    [t("askedAgain"), ({ asked }) => count(asked)],
    [t("stuck"), ({ stuck }) => count(stuck)],
    ...last,
  ];
  return (
    <Scroll label={label} isTall>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("session")}</th>
            <th scope="col">{t("stream")}</th>
            <th scope="col">{t("node")}</th>
            {columns.map(([name]) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {peers.map((peer) => (
            <tr key={`${peer.node}-${peer.session}`}>
              <th scope="row" class="mono">
                {peer.session}
              </th>
              <td dir="auto">{peer.stream || NONE}</td>
              <td>{peer.node}</td>
              {columns.map(([name, show]) => (
                <td key={name} class="tabular">
                  {show(peer)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
