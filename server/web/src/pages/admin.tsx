/** The cluster as operators see it: nodes, shards, actors, dead letters, and the way of one message. */
import type { CSSProperties } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { getCluster, type ActorOrder } from "../api/calls";
import { ApiError, sentence } from "../api/http";
import { me } from "../api/session";
import type { Cluster, ClusterNode, ClusterShard, DeadLetter } from "../api/types";
import { Actors, sortings, type Asked } from "../admin/actors";
import { bytes, ms, percent } from "../admin/measures";
import { Scroll } from "../admin/scroll";
import { TraceFinder } from "../admin/trace";
import "../styles/admin.css";
import { loginPath, navigate } from "../router";
import { ago, clock, count, duration, plural } from "../ui/format";
import { Empty, PageTitle, Spinner, useInterval, useTitle } from "../ui/parts";

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

export default function Admin() {
  useTitle("Cluster");
  const user = me.value;
  useEffect(() => {
    if (!user) navigate(loginPath(), true);
  }, [user]);
  if (!user) return null;
  return <Overview />;
}

function Overview() {
  const [asked, setAsked] = useState<Asked>({ kind: "", node: "", column: "unread" });
  const [paused, setPaused] = useState(false);
  const { cluster, failure } = useCluster(asked, paused);
  if (failure instanceof ApiError && failure.status === 403) {
    return (
      <div class="page centred">
        <PageTitle hidden>Cluster</PageTitle>
        <Empty title="This page is for operators">
          <p>Your account has no leave to see it.</p>
        </Empty>
      </div>
    );
  }
  return (
    <div class="page admin">
      <header class="admin-head">
        <PageTitle>Cluster</PageTitle>
        <p class="admin-state" role="status">
          {failure ? sentence(failure) : cluster ? plural(cluster.nodes.length, "node", "nodes") : ""}
        </p>
        <button type="button" class="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? "Go on refreshing" : "Pause"}
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
        <h2 id="admin-nodes">Nodes</h2>
        <ul class="admin-nodes">
          {cluster.nodes.map((node) => (
            <NodeCard key={node.name} node={node} hue={hues.get(node.name) ?? 0} />
          ))}
        </ul>
      </section>
      <Shards shards={cluster.shards} hues={hues} />
      <Actors cluster={cluster} asked={asked} onAsk={onAsk} />
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
        {!node.answers && <b class="admin-flag">Does not answer</b>}
        {node.is_draining && <b class="admin-flag">Draining</b>}
        {node.bus?.is_deaf && <b class="admin-flag">Deaf</b>}
        {node.media && !node.media.pid && <b class="admin-flag">No media process</b>}
        <span class="dim">
          {node.version} · {node.roles.join(", ")} · up {duration((Date.now() - Date.parse(node.started_at)) / 1000)}
        </span>
      </p>
      <label class="admin-load">
        <span>Load</span>
        <meter min={0} max={1} low={0.75} high={0.9} optimum={0} value={node.load} />
        <span class="tabular">{percent(node.load)}</span>
      </label>
      <dl class="admin-facts">
        <Figure name="Loop lag" value={node.loop_lag_ms} show={ms} isBad={(node.loop_lag_ms ?? 0) > 100} />
        <Figure name="Memory" value={node.rss_bytes} show={bytes} />
        <Figure name="Shards" value={node.shards} show={count} />
        <Figure name="Actors" value={node.actors && actors} show={count} />
        <Figure name="Sockets" value={node.sockets} show={count} />
        <Figure name="Streams" value={node.media && node.media.streams} show={count} />
        <Figure name="WebRTC viewers" value={node.media && node.media.whep_viewers} show={count} />
        <Figure name="Media restarts" value={node.media && node.media.restarts} show={count} isBad={Boolean(node.media?.restarts)} />
        <Figure name="Bus out / in" value={node.bus} show={(bus) => `${count(bus.sent)} / ${count(bus.received)}`} />
        <Figure name="Bus gaps" value={node.bus && node.bus.gaps} show={count} isBad={Boolean(node.bus?.gaps)} />
        <Figure name="Dead letters" value={node.dead_letters} show={count} />
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
  const words = [...shares.map(([name, number]) => `${name}: ${number}`), ...(free ? [`nobody: ${free}`] : [])].join(", ");
  return (
    <section class="panel" aria-labelledby="admin-shards">
      <h2 id="admin-shards">Shards</h2>
      <div class="admin-shards" role="img" aria-label={`Who holds the ${shards.length} shards. ${words}`}>
        {shards.map(({ shard, node, epoch }) => (
          <i key={shard} class={node ? undefined : "admin-free"} style={node ? tint(hues.get(node)) : undefined} title={`${shard}: ${node ?? "nobody"}, epoch ${epoch ?? "?"}`} />
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
            <span class="admin-swatch admin-free" aria-hidden="true" /> nobody <b class="tabular">{free}</b>
          </li>
        )}
      </ul>
      <details>
        <summary>As a table</summary>
        <Scroll label="Shards as a table" isTall>
          <table class="admin-table">
            <thead>
              <tr>
                <th scope="col">Shard</th>
                <th scope="col">Node</th>
                <th scope="col">Epoch</th>
              </tr>
            </thead>
            <tbody>
              {shards.map(({ shard, node, epoch }) => (
                <tr key={shard}>
                  <th scope="row">{shard}</th>
                  <td>{node ?? "nobody"}</td>
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
      <h2 id="admin-letters">Dead letters</h2>
      {letters.length === 0 ? (
        <p class="dim">Every message was handled by somebody.</p>
      ) : (
        <Scroll label="Dead letters, a table" isTall>
          <table class="admin-table">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Message</th>
                <th scope="col">To</th>
                <th scope="col">Why</th>
                <th scope="col">Node</th>
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
