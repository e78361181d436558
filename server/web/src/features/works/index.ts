import type { Feature } from "../../feature";

export const works: Feature = {
  name: "works",
  settings: [{ name: "works", label: { en: "Works and matches", ar: "الأعمال والتطابقات" }, load: () => import("./settings") }],
};
