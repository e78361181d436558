import type { Feature } from "../../feature";

export const trends: Feature = {
  name: "trends",
  admin: [{ name: "hashtags", label: { en: "Hashtags", ar: "الوسوم" }, load: () => import("./review") }],
};
