import type { Feature } from "../../feature";

/** What people do together in a room: parts that other features put on their pages. */
export const rooms: Feature = {
  name: "rooms",
  settings: [{ name: "rooms", label: { en: "Raids and leaderboards", ar: "الغارات والمتصدرون" }, load: () => import("./settings") }],
};
