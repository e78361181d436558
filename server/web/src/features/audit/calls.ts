import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type Log = Answer<"listAudit">;
export type Entry = Log["items"][number];
export type Verification = Answer<"verifyAudit">;

export interface Asked {
  actor: string;
  action: string;
}

/** For admins. What is empty is any. */
export function listAudit(asked: Asked, cursor: string): Promise<Log> {
  const chosen = Object.entries({ ...asked, cursor }).filter(([, value]) => value);
  return call(`/admin/audit?${new URLSearchParams(chosen)}`);
}

export const verifyAudit = (): Promise<Verification> => call("/admin/audit/verify", { timeoutMs: 120_000 });
