/** The actors that want attention, as a table that sorts by each of its numbers. */
import type { ActorOrder } from "./calls";
import type { Cluster, ClusterActor } from "../../api/types";
import { count } from "../../ui/format";
import { ms } from "./measures";
import { Scroll } from "../../ui/scroll";
import { t } from "./words";

export type Column = "id" | "node" | "state" | "unread" | "handled" | "restarts" | "slowest";

/** What the table shows. An empty `kind` or `node` is any. */
export interface Asked {
  kind: string;
  node: string;
  column: Column;
}

/** Which first ones the nodes are asked for, when the table is sorted by a column. */
export const sortings: Record<Column, ActorOrder> = {
  id: "unread",
  node: "unread",
  state: "unread",
  unread: "unread",
  handled: "unread",
  restarts: "restarts",
  slowest: "slowest",
};

const columns = (): [Column, string][] => [
  ["id", t("actor")],
  ["state", t("state")],
  ["unread", t("unread")],
  ["handled", t("handled")],
  ["restarts", t("restarts")],
  ["slowest", t("slowest")],
  ["node", t("node")],
];

const VALUES: Record<Column, (actor: ClusterActor) => string | number> = {
  id: (actor) => actor.id,
  node: (actor) => actor.node,
  state: (actor) => actor.state,
  unread: (actor) => -actor.unread,
  handled: (actor) => -actor.handled,
  restarts: (actor) => -actor.restarts,
  slowest: (actor) => -actor.slowest_ms,
};

/** Parked ones first, names from A, numbers from the largest. */
export function sorted(actors: ClusterActor[], column: Column): ClusterActor[] {
  const value = VALUES[column];
  return actors.toSorted((one, other) => {
    const parked = Number(other.state === "parked") - Number(one.state === "parked");
    if (parked) return parked;
    const [a, b] = [value(one), value(other)];
    return a < b ? -1 : a > b ? 1 : one.id < other.id ? -1 : 1;
  });
}

interface ActorsProps {
  cluster: Cluster;
  asked: Asked;
  onAsk: (asked: Asked) => void;
}

export function Actors({ cluster, asked, onAsk }: ActorsProps) {
  const kinds = [...new Set(cluster.nodes.flatMap((node) => Object.keys(node.actors ?? {})))].sort();
  const names = cluster.nodes.map((node) => node.name);
  return (
    <section class="panel" aria-labelledby="admin-actors">
      <h2 id="admin-actors">{t("actors")}</h2>
      <div class="row">
        <Choice label={t("kind")} value={asked.kind} among={kinds} onChoose={(kind) => onAsk({ ...asked, kind })} />
        <Choice label={t("node")} value={asked.node} among={names} onChoose={(node) => onAsk({ ...asked, node })} />
      </div>
      {cluster.actors.length === 0 ? (
        <p class="dim">{t("noActors")}</p>
      ) : (
        <Scroll label={t("actorsTable")} isTall>
          <table class="table">
            <thead>
              <tr>
                {columns().map(([column, title]) => (
                  <th key={column} scope="col" aria-sort={asked.column !== column ? "none" : typeof VALUES[column](cluster.actors[0]!) === "string" ? "ascending" : "descending"}>
                    <button type="button" onClick={() => onAsk({ ...asked, column })}>
                      {title}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sorted(cluster.actors, asked.column).map((actor) => (
                <Row key={`${actor.node} ${actor.id}`} actor={actor} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function Row({ actor }: { actor: ClusterActor }) {
  return (
    <tr class={actor.state === "parked" ? "admin-parked" : undefined}>
      <th scope="row" class="mono">
        {actor.id}
      </th>
      <td>
        {actor.state}
        {actor.parked_reason && <span class="admin-reason">{actor.parked_reason}</span>}
      </td>
      <td class="tabular">
        {count(actor.unread)} <span class="dim">{t("ofCapacity", { n: actor.capacity })}</span>
      </td>
      <td class="tabular">{count(actor.handled)}</td>
      <td class="tabular">{actor.restarts}</td>
      <td class="tabular">
        {ms(actor.slowest_ms)} <span class="dim">{actor.slowest_message}</span>
      </td>
      <td>{actor.node}</td>
    </tr>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  among: string[];
  onChoose: (value: string) => void;
}

function Choice({ label, value, among, onChoose }: ChoiceProps) {
  return (
    <label class="admin-choice">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="">{t("all")}</option>
        {(among.includes(value) || !value ? among : [...among, value]).map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}
