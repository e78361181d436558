import { page, type Feature } from "../../feature";

/** Second factors, passkeys and other providers; their settings stand among those of the account's security. */
export const factors: Feature = {
  name: "factors",
  pages: [page("/confirm-provider", () => import("./confirm"))],
};
