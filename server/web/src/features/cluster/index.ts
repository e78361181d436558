import type { Feature } from "../../feature";

export const cluster: Feature = {
  name: "cluster",
  admin: [{ name: "cluster", label: { en: "Cluster", ar: "العنقود" }, load: () => import("./page") }],
};
