import { page, type Feature } from "../../feature";
import { BagIcon } from "../../ui/icons";

/** What is for sale, and one's orders. */
export const market: Feature = {
  name: "market",
  pages: [
    page("/market", () => import("./list")),
    page("/market/new", () => import("./new")),
    page("/market/orders", () => import("./orders")),
    page("/market/sales", () => import("./sales")),
    page("/market/orders/:orderId", () => import("./order")),
    page("/market/:listingId", () => import("./listing")),
    page("/market/:listingId/edit", () => import("./edit")),
  ],
  nav: [{ path: "/market", label: { en: "Market", ar: "السوق" }, icon: BagIcon, room: "market" }],
  admin: [{ name: "disputes", label: { en: "Disputes", ar: "النزاعات" }, load: () => import("./disputes"), isForModerators: true, room: "market" }],
};
