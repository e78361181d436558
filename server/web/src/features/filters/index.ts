import type { Feature } from "../../feature";

const label = { en: "Chat filter", ar: "مرشّح الدردشة" };

export const filters: Feature = {
  name: "filters",
  settings: [{ name: "chat-filter", label, load: () => import("./own") }],
  admin: [{ name: "chat-filter", label, load: () => import("./servers") }],
};
