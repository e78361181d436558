/** What advertisements with one's streams have brought. */
import { useEffect, useState } from "preact/hooks";
import { isThere } from "../../api/rooms";
import { count } from "../../ui/format";
import { money } from "./amounts";
import { adEarnings, type AdEarned } from "./calls";
import { t } from "./words";

export function AdEarnings() {
  const [items, setItems] = useState<AdEarned[]>([]);
  useEffect(() => {
    if (isThere({ room: "ads" })) adEarnings().then(setItems, () => setItems([]));
  }, []);
  if (items.length === 0) return null;
  return (
    <section class="panel">
      <h2>{t("advertising")}</h2>
      <ul class="money-list">
        {items.map((one) => (
          <li key={one.currency}>
            <p class="money-what dim">{t("adArithmetic", { shown: count(one.impressions), brought: money(one.brought, one.currency), part: money(one.part, one.currency) })}</p>
            <strong>{money(one.part, one.currency)}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}
