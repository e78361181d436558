import type { Feature } from "../../feature";

export const objects: Feature = {
  name: "objects",
  admin: [{ name: "objects", label: { en: "Storage", ar: "التخزين" }, load: () => import("./page") }],
};
