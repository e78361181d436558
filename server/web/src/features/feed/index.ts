import { page, type Feature } from "../../feature";

export const feed: Feature = {
  name: "feed",
  pages: [page("/feed", () => import("./page")), page("/hashtags/:tag", () => import("./hashtag"))],
};
