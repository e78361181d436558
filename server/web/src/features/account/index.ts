import { page, type Feature } from "../../feature";

export const account: Feature = {
  name: "account",
  pages: [
    page("/forgot", () => import("./forgot")),
    page("/reset", () => import("./reset")),
    page("/verify", () => import("./verify")),
    page("/undo-email", () => import("./undo-email")),
    page("/goodbye", () => import("./goodbye")),
  ],
  settings: [
    { name: "security", label: { en: "Security", ar: "الأمان" }, load: () => import("./security") },
    { name: "account", label: { en: "Account", ar: "الحساب" }, load: () => import("./deletion") },
  ],
};
