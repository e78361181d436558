import type { Feature } from "../../feature";

/** Tips and subscriptions, which the watch page shows, what one has earned with them, and the books as operators see them. */
export const money: Feature = {
  name: "money",
  settings: [{ name: "money", label: { en: "Earnings", ar: "الأرباح" }, load: () => import("./earnings") }],
  admin: [{ name: "money", label: { en: "Money", ar: "الأموال" }, load: () => import("./operator") }],
};
