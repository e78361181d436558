import { page, type Feature } from "../../feature";
import { AssistantIcon } from "../../ui/icons";

/** Questions, and answers as they are made, with their sources. */
export const assistant: Feature = {
  name: "assistant",
  pages: [page("/assistant", () => import("./page"))],
  admin: [{ name: "assistant", label: { en: "Assistant", ar: "المساعد" }, load: () => import("./engine"), room: "assistant" }],
  nav: [{ path: "/assistant", label: { en: "Assistant", ar: "المساعد" }, icon: AssistantIcon, room: "assistant" }],
};
