import { page, type Feature } from "../../feature";

export const posts: Feature = {
  name: "posts",
  pages: [page("/posts/:postId", () => import("./page")), page("/bookmarks", () => import("./bookmarks"))],
};
