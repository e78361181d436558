import type { Feature } from "../../feature";

/** What people do together in a room: parts that other features put on their pages. */
export const rooms: Feature = { name: "rooms" };
