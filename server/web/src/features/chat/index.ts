import { page, type Feature } from "../../feature";

/** A part that other features put on their pages, and a page of its own. */
export const chat: Feature = {
  name: "chat",
  pages: [{ ...page("/popout/chat/:streamId", () => import("./popout")), isBare: true }],
};
