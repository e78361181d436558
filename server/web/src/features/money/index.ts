import type { Feature } from "../../feature";

/** Tips and subscriptions, which the watch page shows, and what one has earned with them. */
export const money: Feature = {
  name: "money",
  settings: [{ name: "money", label: { en: "Earnings", ar: "الأرباح" }, load: () => import("./earnings") }],
};
