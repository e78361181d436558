/** The cluster as operators see it: nodes, shards, actors, dead letters, and the way of one message. */
import type { CSSProperties } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { getCluster, type ActorOrder } from "./calls";
import { ApiError, sentence } from "../../api/http";
import type { Cluster, ClusterNode, ClusterShard, DeadLetter } from "../../api/types";
import { Actors, sortings, type Asked } from "./actors";
import { bytes, ms } from "./measures";
import { Scroll } from "../../ui/scroll";
import { TraceFinder } from "./trace";
import { WebrtcPeersPanel } from "./webrtc-peers";
import { t } from "./words";
import "./cluster.css";
import { ago, bitrate, clock, count, duration, listed, percent } from "../../ui/format";
import { Empty, Spinner, useInterval } from "../../ui/parts";

const REFRESH_MS = 2000;

interface Seen {
  cluster: Cluster | null;
  failure: unknown;
  refresh: () => void;
}

/** Asked every 2 s while the page is visible; an answer to an earlier question is let go. */
function useCluster(asked: Asked, isPaused: boolean): Seen {
  const [cluster, setCluster] = useState<Cluster | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const latest = useRef(0);
  const busy = useRef(false);
  const order: ActorOrder = sortings[asked.column];
  const ask = async (): Promise<void> => {
    const number = ++latest.current;
    busy.current = true;
    try {
      const answer = await getCluster({ kind: asked.kind, node: asked.node, order });
      if (number !== latest.current) return;
      setCluster(answer);
      setFailure(null);
    } catch (error) {
      if (number === latest.current) setFailure(error);
    } finally {
      if (number === latest.current) busy.current = false;
    }
  };
  useEffect(() => {
    void ask();
    return () => void latest.current++;
  }, [asked.kind, asked.node, order]);
  useInterval(() => busy.current || void ask(), REFRESH_MS, !isPaused);
  return { cluster, failure, refresh: () => void ask() };
}

export default function ClusterPage() {
  const [asked, setAsked] = useState<Asked>({ kind: "", node: "", column: "unread" });
  const [paused, setPaused] = useState(false);
  const { cluster, failure } = useCluster(asked, paused);
  if (failure instanceof ApiError && failure.status === 403) {
    return (
      <Empty title={t("forOperators")}>
        <p>{t("noLeave")}</p>
      </Empty>
    );
  }
  return (
    <div class="admin">
      <header class="admin-head">
        <p class="admin-state" role="status">
          {failure ? sentence(failure) : cluster ? t("nodeCount", { n: cluster.nodes.length }) : ""}
        </p>
        <button type="button" class="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? t("goOn") : t("pause")}
        </button>
      </header>
      {cluster ? <Found cluster={cluster} asked={asked} onAsk={setAsked} /> : !failure && <Spinner />}
    </div>
  );
}

function Found({ cluster, asked, onAsk }: { cluster: Cluster; asked: Asked; onAsk: (asked: Asked) => void }) {
  const hues = huesOf(cluster.nodes);
  return (
    <>
      <section aria-labelledby="admin-nodes">
        <h2 id="admin-nodes">{t("nodes")}</h2>
        <ul class="admin-nodes">
          {cluster.nodes.map((node) => (
            <NodeCard key={node.name} node={node} hue={hues.get(node.name) ?? 0} />
          ))}
        </ul>
      </section>
      <Shards shards={cluster.shards} hues={hues} />
      <Actors cluster={cluster} asked={asked} onAsk={onAsk} />
      <WebrtcPeersPanel />
      <Letters letters={cluster.dead_letters} />
      <TraceFinder />
    </>
  );
}

/** Colours as far apart as can be, the same for as long as the members are. */
function huesOf(nodes: ClusterNode[]): Map<string, number> {
  return new Map(nodes.map((node, index) => [node.name, Math.round(200 + index * 137.5) % 360]));
}

const tint = (hue: number | undefined): CSSProperties | undefined => (hue === undefined ? undefined : ({ "--h": hue } as CSSProperties));

function NodeCard({ node, hue }: { node: ClusterNode; hue: number }) {
  const actors = Object.values(node.actors ?? {}).reduce((sum, number) => sum + number, 0);
  const id = `node-${node.name}`;
  return (
    <li class={`panel admin-node${node.answers ? "" : " admin-bad"}`} aria-labelledby={id}>
      <h3 id={id} style={tint(hue)}>
        <span class="admin-swatch" aria-hidden="true" /> {node.name}
      </h3>
      <p class="admin-notes">
        {!node.answers && <b class="admin-flag">{t("noAnswer")}</b>}
        {node.is_draining && <b class="admin-flag">{t("draining")}</b>}
        {node.bus?.is_deaf && <b class="admin-flag">{t("deaf")}</b>}
        {node.media && !node.media.pid && <b class="admin-flag">{t("noMedia")}</b>}
        <span class="dim">
          {node.version} · {node.roles.join(", ")} · {t("up", { time: duration((Date.now() - Date.parse(node.started_at)) / 1000) })}
        </span>
      </p>
      <label class="admin-load">
        <span>{t("load")}</span>
        <meter min={0} max={1} low={0.75} high={0.9} optimum={0} value={node.load} />
        <span class="tabular">{percent(node.load)}</span>
      </label>
      <dl class="admin-facts">
        <Figure name={t("loopLag")} value={node.loop_lag_ms} show={ms} isBad={(node.loop_lag_ms ?? 0) > 100} />
        <Figure name={t("memory")} value={node.rss_bytes} show={bytes} />
        <Figure name={t("shards")} value={node.shards} show={count} />
        <Figure name={t("actors")} value={node.actors && actors} show={count} />
        <Figure name={t("sockets")} value={node.sockets} show={count} />
        <Figure name={t("streams")} value={node.media && node.media.streams} show={count} />
        <Figure name={t("webrtcViewers")} value={node.media && node.media.whep_viewers} show={count} />
        <Figure name={t("webrtcRoundTrip")} value={node.media && (node.media.whep_rtt_ms || null)} show={ms} isBad={(node.media?.whep_rtt_ms ?? 0) > 500} />
        <Figure name={t("webrtcTraffic")} value={node.media && node.media.whep_bitrate} show={bitrate} />
        <Figure name={t("mediaRestarts")} value={node.media && node.media.restarts} show={count} isBad={Boolean(node.media?.restarts)} />
        <Figure name={t("busTraffic")} value={node.bus} show={(bus) => `${count(bus.sent)} / ${count(bus.received)}`} />
        <Figure name={t("busGaps")} value={node.bus && node.bus.gaps} show={count} isBad={Boolean(node.bus?.gaps)} />
        <Figure name={t("deadLetters")} value={node.dead_letters} show={count} />
      </dl>
    </li>
  );
}

interface FigureProps<T> {
  name: string;
  value: T | null;
  show: (value: T) => string;
  isBad?: boolean;
}

function Figure<T>({ name, value, show, isBad = false }: FigureProps<T>) {
  return (
    <div class={isBad ? "admin-fact-bad" : undefined}>
      <dt>{name}</dt>
      <dd class="tabular">{value === null ? "–" : show(value)}</dd>
    </div>
  );
}

function Shards({ shards, hues }: { shards: ClusterShard[]; hues: Map<string, number> }) {
  const shares = [...hues.keys()].map((name) => [name, shards.filter((shard) => shard.node === name).length] as const);
  const free = shards.filter((shard) => !shard.node).length;
  const words = listed([...shares, ...(free ? [[t("nobody"), free] as const] : [])].map(([name, number]) => `${name}: ${number}`));
  return (
    <section class="panel" aria-labelledby="admin-shards">
      <h2 id="admin-shards">{t("shards")}</h2>
      <div class="admin-shards" role="img" aria-label={t("shardsHeld", { n: shards.length, words })}>
        {shards.map(({ shard, node, epoch }) => (
          <i key={shard} class={node ? undefined : "admin-free"} style={node ? tint(hues.get(node)) : undefined} title={t("shardTitle", { shard, node: node ?? t("nobody"), epoch: epoch ?? "?" })} />
        ))}
      </div>
      <ul class="admin-shares">
        {shares.map(([name, number]) => (
          <li key={name} style={tint(hues.get(name))}>
            <span class="admin-swatch" aria-hidden="true" /> {name} <b class="tabular">{number}</b>
          </li>
        ))}
        {free > 0 && (
          <li>
            <span class="admin-swatch admin-free" aria-hidden="true" /> {t("nobody")} <b class="tabular">{free}</b>
          </li>
        )}
      </ul>
      <details>
        <summary>{t("asTable")}</summary>
        <Scroll label={t("shardsTable")} isTall>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">{t("shard")}</th>
                <th scope="col">{t("node")}</th>
                <th scope="col">{t("epoch")}</th>
              </tr>
            </thead>
            <tbody>
              {shards.map(({ shard, node, epoch }) => (
                <tr key={shard}>
                  <th scope="row">{shard}</th>
                  <td>{node ?? t("nobody")}</td>
                  <td class="tabular">{epoch ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </details>
    </section>
  );
}

function Letters({ letters }: { letters: DeadLetter[] }) {
  return (
    <section class="panel" aria-labelledby="admin-letters">
      <h2 id="admin-letters">{t("deadLetters")}</h2>
      {letters.length === 0 ? (
        <p class="dim">{t("noLetters")}</p>
      ) : (
        <Scroll label={t("lettersTable")} isTall>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">{t("when")}</th>
                <th scope="col">{t("message")}</th>
                <th scope="col">{t("to")}</th>
                <th scope="col">{t("why")}</th>
                <th scope="col">{t("node")}</th>
              </tr>
            </thead>
            <tbody>
              {letters.map((letter, index) => (
                <tr key={`${letter.at}-${index}`}>
                  <td title={clock(letter.at)}>{ago(letter.at)}</td>
                  <td>{letter.message || "–"}</td>
                  <td class="mono">{letter.id}</td>
                  <td>{letter.reason}</td>
                  <td>{letter.node}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}
