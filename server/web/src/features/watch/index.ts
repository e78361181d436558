import { page, type Feature } from "../../feature";

export const watch: Feature = {
  name: "watch",
  pages: [page("/watch/:streamId", () => import("./page"))],
};
