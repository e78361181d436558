import { page, type Feature } from "../../feature";

/** Pages for a browser source, and a panel of the studio with their addresses. */
export const overlays: Feature = {
  name: "overlays",
  pages: [
    { ...page("/overlay/chat", () => import("./chat")), isBare: true },
    { ...page("/overlay/alerts", () => import("./alerts")), isBare: true },
    { ...page("/overlay/poll", () => import("./poll")), isBare: true },
  ],
};
