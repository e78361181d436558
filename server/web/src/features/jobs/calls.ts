import type { Answer } from "../../api/types";
import { call } from "../../api/session";

export type Jobs = Answer<"listJobs">;
export type Job = Jobs["items"][number];
export type JobState = Job["state"];
export type Readers = Answer<"listFactReaders">;
export type AsideFacts = Answer<"listFactsAside">;
export type AsideFact = AsideFacts["items"][number];

const part = encodeURIComponent;

/** For operators. An empty member of `asked` is any. */
export function listJobs(asked: { state: string; name: string; cursor: string }): Promise<Jobs> {
  const chosen = Object.entries(asked).filter(([, value]) => value);
  return call(`/admin/jobs?${new URLSearchParams(chosen)}`, { timeoutMs: 5000 });
}

export const retryJob = (id: string): Promise<Job> => call(`/admin/jobs/${part(id)}/retry`, { method: "POST" });
export const cancelJob = (id: string): Promise<Job> => call(`/admin/jobs/${part(id)}/cancel`, { method: "POST" });
export const listReaders = (): Promise<Readers> => call("/admin/facts", { timeoutMs: 5000 });
export const listAside = (): Promise<AsideFacts> => call("/admin/facts/aside", { timeoutMs: 5000 });
export const giveAgain = (id: string): Promise<void> => call(`/admin/facts/aside/${part(id)}/retry`, { method: "POST" });
