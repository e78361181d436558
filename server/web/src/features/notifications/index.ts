import { page, type Feature } from "../../feature";

export const notifications: Feature = {
  name: "notifications",
  pages: [page("/notifications", () => import("./page")), page("/unsubscribe", () => import("./unsubscribe"))],
  tools: [() => import("./bell")],
  settings: [
    { name: "notifications", label: { en: "Notifications", ar: "الإشعارات" }, load: () => import("./settings") },
  ],
  admin: [{ name: "notifications", label: { en: "Deliveries", ar: "التسليمات" }, load: () => import("./log") }],
};
