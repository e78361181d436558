import { page, type Feature } from "../../feature";

/** Videos: one's own with what is sent and encoded, and the page of each. */
export const library: Feature = {
  name: "library",
  pages: [page("/videos", () => import("./own")), page("/videos/:videoId", () => import("./page"))],
};
