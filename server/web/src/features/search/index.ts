import { page, type Feature } from "../../feature";

export const search: Feature = {
  name: "search",
  pages: [page("/search", () => import("./page"))],
};
