import { page, type Feature } from "../../feature";
import { PlotIcon } from "../../ui/icons";

/** What is learnt from how the product is used: for creators, for operators, and for who looks for something new. */
export const insight: Feature = {
  name: "insight",
  nav: [{ path: "/analytics", label: { en: "Analytics", ar: "التحليلات" }, icon: PlotIcon, isForStreamers: true }],
  pages: [page("/explore", () => import("./explore")), page("/analytics", () => import("./creator"))],
  admin: [
    { name: "analytics", label: { en: "Analytics", ar: "التحليلات" }, load: () => import("./server") },
    { name: "models", label: { en: "Models", ar: "النماذج" }, load: () => import("./models") },
    { name: "experiments", label: { en: "Experiments", ar: "التجارب" }, load: () => import("./experiments") },
  ],
};
