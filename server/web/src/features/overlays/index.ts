import { page, type Feature } from "../../feature";

/** Pages for a browser source, and a panel of the studio with their addresses; goals are set in the settings. */
export const overlays: Feature = {
  name: "overlays",
  pages: [
    { ...page("/overlay/chat", () => import("./chat")), isBare: true },
    { ...page("/overlay/alerts", () => import("./alerts")), isBare: true },
    { ...page("/overlay/poll", () => import("./poll")), isBare: true },
    { ...page("/overlay/goals", () => import("./goals")), isBare: true },
  ],
  settings: [{ name: "goals", label: { en: "Goals", ar: "الأهداف" }, load: () => import("./goal-settings") }],
};
