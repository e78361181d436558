import type { Feature } from "../../feature";

export const jobs: Feature = {
  name: "jobs",
  admin: [{ name: "jobs", label: { en: "Jobs", ar: "المهام" }, load: () => import("./page") }],
};
