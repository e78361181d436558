/** What the server is made of: the rooms that an operator may switch off, and whose data say where an address is. */
import { signal } from "@preact/signals";
import { request } from "./http";
import type { Answer } from "./types";

const rooms = signal<readonly string[]>([]);
const geolocation = signal<string | null>(null);

/** Ask the server, once a visit; until it has answered none is there. */
export async function askForRooms(): Promise<void> {
  try {
    const server = await request<Answer<"getServer"> & { rooms?: string[]; geolocation?: string | null }>("/server");
    rooms.value = server.rooms ?? [];
    geolocation.value = server.geolocation ?? null;
  } catch {
    rooms.value = [];
  }
}

export const isOfDbIp = (): boolean => geolocation.value === "db-ip";

export const isThere = ({ room }: { readonly room?: string }): boolean => !room || rooms.value.includes(room);
