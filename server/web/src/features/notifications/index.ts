import { page, type Feature } from "../../feature";

export const notifications: Feature = {
  name: "notifications",
  pages: [page("/notifications", () => import("./page"))],
  tools: [() => import("./bell")],
  settings: [
    { name: "notifications", label: { en: "Notifications", ar: "الإشعارات" }, load: () => import("./settings") },
  ],
};
