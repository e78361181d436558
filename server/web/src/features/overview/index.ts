import type { Feature } from "../../feature";

export const overview: Feature = {
  name: "overview",
  admin: [{ name: "overview", label: { en: "Overview", ar: "نظرة عامة" }, load: () => import("./page") }],
};
