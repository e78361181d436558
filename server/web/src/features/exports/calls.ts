import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type Archive = Answer<"getExport">;
export type ArchiveLink = Answer<"linkExport">;

const post = { method: "POST" } as const;

export const listArchives = (): Promise<Answer<"listExports">> => call("/me/exports?limit=5");
export const askArchive = (): Promise<Archive> => call("/me/exports", post);
export const deleteArchive = (id: string): Promise<void> => call(`/me/exports/${id}`, { method: "DELETE" });
export const linkArchive = (id: string): Promise<ArchiveLink> => call(`/me/exports/${id}/link`, post);
export const redeem = (token: string): Promise<ArchiveLink> => call("/me/exports/redeem", { ...post, body: { token } });
