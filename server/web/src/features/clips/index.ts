import { page, type Feature } from "../../feature";

export const clips: Feature = {
  name: "clips",
  pages: [page("/clips/:clipId", () => import("./page"))],
  settings: [{ name: "clips", label: { en: "Clips", ar: "المقاطع" }, load: () => import("./settings") }],
};
