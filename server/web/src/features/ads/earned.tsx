/** What advertisements with one's streams have brought. */
import { useEffect, useState } from "preact/hooks";
import { isThere } from "../../api/rooms";
import { count } from "../../ui/format";
import { money } from "../money/amounts";
import { earned, type Earned } from "./calls";
import { t } from "./words";

export function AdEarnings() {
  const [items, setItems] = useState<Earned[]>([]);
  useEffect(() => {
    if (isThere({ room: "ads" })) earned().then(setItems, () => setItems([]));
  }, []);
  if (items.length === 0) return null;
  return (
    <section class="panel">
      <h2>{t("earnings")}</h2>
      <ul class="money-list">
        {items.map((one) => (
          <li key={one.currency}>
            <p class="money-what dim">{t("arithmetic", { shown: count(one.impressions), brought: money(one.brought, one.currency), part: money(one.part, one.currency) })}</p>
            <strong>{money(one.part, one.currency)}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}
