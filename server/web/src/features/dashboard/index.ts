import { page, type Feature } from "../../feature";

/** What a creator looks at while on the air: all panels together, or each in a window of its own. */
export const dashboard: Feature = {
  name: "dashboard",
  pages: [page("/dashboard", () => import("./page")), { ...page("/dock/:name", () => import("./dock")), isBare: true }],
};
