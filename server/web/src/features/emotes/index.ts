import type { Feature } from "../../feature";

export const emotes: Feature = {
  name: "emotes",
  settings: [{ name: "emotes", label: { en: "Emotes", ar: "الرموز التعبيرية" }, load: () => import("./settings") }],
};
