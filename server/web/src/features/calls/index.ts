import { page, type Feature } from "../../feature";

export const calls: Feature = {
  name: "calls",
  pages: [page("/calls", () => import("./new")), page("/calls/:callId", () => import("./page"))],
  tools: [() => import("./tool")],
};
