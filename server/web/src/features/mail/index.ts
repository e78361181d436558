import type { Feature } from "../../feature";

export const mail: Feature = {
  name: "mail",
  admin: [{ name: "mail", label: { en: "Mail", ar: "البريد" }, load: () => import("./page") }],
};
