import { page, type Feature } from "../../feature";
import { BroadcastIcon } from "../../ui/icons";

export const studio: Feature = {
  name: "studio",
  pages: [page("/live", () => import("./page"))],
  nav: [{ path: "/live", label: { en: "Go live", ar: "ابدأ البث" }, icon: BroadcastIcon }],
};
