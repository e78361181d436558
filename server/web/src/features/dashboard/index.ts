import { page, type Feature } from "../../feature";
import { GaugeIcon } from "../../ui/icons";

/** What a creator looks at while on the air: all panels together, or each in a window of its own. */
export const dashboard: Feature = {
  name: "dashboard",
  nav: [{ path: "/dashboard", label: { en: "Dashboard", ar: "لوحة البث" }, icon: GaugeIcon, isForStreamers: true }],
  pages: [page("/dashboard", () => import("./page")), { ...page("/dock/:name", () => import("./dock")), isBare: true }],
};
