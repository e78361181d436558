/** The orders that one has given. */
import { OrderList } from "./order-list";

export default function OrdersPage() {
  return <OrderList role="buyer" />;
}
