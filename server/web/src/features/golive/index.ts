import { page, type Feature } from "../../feature";
import { BroadcastIcon } from "../../ui/icons";

/** The page on which one goes live: its parts are those of the studio and of the stage. */
export const golive: Feature = {
  name: "golive",
  pages: [page("/live", () => import("./page"))],
  nav: [{ path: "/live", label: { en: "Go live", ar: "ابدأ البث" }, icon: BroadcastIcon }],
};
