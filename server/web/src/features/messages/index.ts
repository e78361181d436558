import type { Feature, Page } from "../../feature";

/** One component for both addresses, so that the list stays as it is when a conversation is opened. */
const load: Page["load"] = () => import("./page");

export const messages: Feature = {
  name: "messages",
  pages: [
    { path: "/messages", load },
    { path: "/messages/:conversationId", load },
  ],
  tools: [() => import("./tool")],
  settings: [{ name: "messages", label: { en: "Messages", ar: "الرسائل" }, load: () => import("./settings") }],
};
