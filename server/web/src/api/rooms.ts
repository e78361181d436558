/** Which of the rooms that an operator may switch off are there. */
import { signal } from "@preact/signals";
import { request } from "./http";
import type { Answer } from "./types";

const rooms = signal<readonly string[]>([]);

/** Ask the server, once a visit; until it has answered none is there. */
export async function askForRooms(): Promise<void> {
  try {
    const server = await request<Answer<"getServer"> & { rooms?: string[] }>("/server");
    rooms.value = server.rooms ?? [];
  } catch {
    rooms.value = [];
  }
}

export const isThere = ({ room }: { readonly room?: string }): boolean => !room || rooms.value.includes(room);
