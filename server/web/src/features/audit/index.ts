import type { Feature } from "../../feature";

export const audit: Feature = {
  name: "audit",
  admin: [{ name: "audit", label: { en: "Audit log", ar: "سجل التدقيق" }, load: () => import("./page") }],
};
