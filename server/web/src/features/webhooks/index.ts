import type { Feature } from "../../feature";

export const webhooks: Feature = {
  name: "webhooks",
  settings: [{ name: "webhooks", label: { en: "Webhooks", ar: "خطافات الويب" }, load: () => import("./settings") }],
};
