import type { Feature } from "../../feature";

export const tokens: Feature = {
  name: "tokens",
  settings: [{ name: "tokens", label: { en: "API tokens", ar: "رموز API" }, load: () => import("./settings") }],
};
