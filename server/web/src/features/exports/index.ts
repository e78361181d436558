import { page, type Feature } from "../../feature";

/** What is held on a person, to be taken along. */
export const exports: Feature = {
  name: "exports",
  pages: [page("/export", () => import("./fetch"))],
  settings: [{ name: "data", label: { en: "Your data", ar: "بياناتك" }, load: () => import("./settings") }],
};
