import type { Feature } from "../../feature";

export const safety: Feature = {
  name: "safety",
  tools: [() => import("./reporting")],
  settings: [{ name: "strikes", label: { en: "Reports and strikes", ar: "البلاغات والإنذارات" }, load: () => import("./strikes") }],
  admin: [
    { name: "cases", label: { en: "Cases", ar: "القضايا" }, isForModerators: true, load: () => import("./cases") },
    { name: "appeals", label: { en: "Appeals", ar: "الاعتراضات" }, isForModerators: true, load: () => import("./appeals") },
  ],
};
