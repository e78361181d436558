/** The orders that one has got. */
import { OrderList } from "./order-list";

export default function SalesPage() {
  return <OrderList role="seller" />;
}
