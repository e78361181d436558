/** Orders, the newest first. */
import { me } from "../../api/session";
import { hear } from "../../realtime/socket";
import { useEffect, useState } from "preact/hooks";
import { ago } from "../../ui/format";
import { usePages } from "../../ui/pages";
import { useTitle } from "../../ui/parts";
import { money } from "../money/amounts";
import { listOrders, type Order } from "./calls";
import { Head, Listed } from "./pages";
import { t } from "./words";

export function OrderList({ role }: { role: "buyer" | "seller" }) {
  const [changes, setChanges] = useState(0);
  useTitle(t(role === "buyer" ? "orders" : "sales"));
  useEffect(() => hear("market:order", () => setChanges((last) => last + 1)), []);
  const pages = usePages((cursor) => listOrders(role, cursor), [role, String(changes), me.value?.id ?? ""]);
  return (
    <div class="page narrow">
      <Head />
      <Listed of={pages} none={t("noOrders")}>
        {(one) => <OrderRow key={one.id} of={one} other={role === "buyer" ? one.seller : one.buyer} />}
      </Listed>
    </div>
  );
}

const isOff = ({ state }: Order): boolean => state === "cancelled" || state === "refunded";

export function OrderRow({ of: one, other }: { of: Order; other: Order["buyer"] }) {
  return (
    <li class="market-order">
      <a href={`/market/orders/${one.id}`}>
        <strong dir="auto">{one.title}</strong> <span class={isOff(one) ? "tag" : "badge"}>{t(one.state)}</span>
      </a>
      <span class="dim">
        {money(one.amount, one.currency)} · <bdi>{other.display_name}</bdi> · {ago(one.created_at)}
      </span>
    </li>
  );
}
