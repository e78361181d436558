import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type Objects = Answer<"getObjects">;
export type Leftovers = Answer<"listLeftovers">;
export type Leftover = Leftovers["items"][number];

export const getObjects = (): Promise<Objects> => call("/admin/objects");

export const listLeftovers = (cursor: string): Promise<Leftovers> =>
  call(`/admin/objects/leftovers${cursor ? `?cursor=${cursor}` : ""}`);

export const lookThrough = (): Promise<unknown> => call("/admin/objects/look", { method: "POST" });
