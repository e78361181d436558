import type { Feature } from "../../feature";

/** Screen time: counted by a tool of the header, decided on and told in the settings. */
export const wellbeing: Feature = {
  name: "wellbeing",
  tools: [() => import("./tool")],
  settings: [{ name: "wellbeing", label: { en: "Well-being", ar: "الرفاه" }, load: () => import("./settings"), room: "wellbeing" }],
};
