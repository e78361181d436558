import { call } from "../../api/session";
import type { Health, Ingest } from "../../api/types";

const part = encodeURIComponent;

export const streamHealth = (id: string): Promise<Health> => call(`/streams/${part(id)}/health`, { timeoutMs: 5000 });

export const myIngest = (): Promise<Ingest> => call("/me/ingest");

export const rotateIngest = (): Promise<Ingest> => call("/me/ingest/rotate", { method: "POST" });
