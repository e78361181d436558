import type { Feature } from "../../feature";

export const directory: Feature = {
  name: "directory",
  admin: [{ name: "people", label: { en: "People", ar: "الأشخاص" }, load: () => import("./page") }],
};
