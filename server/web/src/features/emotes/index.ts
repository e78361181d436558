import type { Feature } from "../../feature";

export const emotes: Feature = {
  name: "emotes",
  settings: [{ name: "emotes", label: { en: "Emotes and badges", ar: "الرموز والشارات" }, load: () => import("./settings") }],
};
