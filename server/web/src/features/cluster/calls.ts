import { call } from "../../api/session";
import type { Operations } from "../../api/schema";
import type { Cluster, Trace, WebrtcPeers } from "../../api/types";

const part = encodeURIComponent;

export type ActorOrder = NonNullable<Operations["getCluster"]["query"]["order"]>;

/** For operators. An empty `kind` or `node` is any. */
export function getCluster(asked: { kind: string; node: string; order: ActorOrder }): Promise<Cluster> {
  const chosen = Object.entries(asked).filter(([, value]) => value);
  return call(`/admin/cluster?${new URLSearchParams([...chosen, ["limit", "100"]])}`, { timeoutMs: 5000 });
}

export const getWebrtcPeers = (): Promise<WebrtcPeers> => call("/admin/webrtc?limit=20", { timeoutMs: 5000 });

export const getTrace = (id: string): Promise<Trace> => call(`/admin/traces/${part(id)}`, { timeoutMs: 5000 });
