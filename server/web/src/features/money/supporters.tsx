/** Who has a subscription to one's tiers now. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { toast } from "../../ui/toasts";
import { supporters, type Subscription } from "./calls";
import { t } from "./words";

export function Supporters() {
  const [held, setHeld] = useState<Subscription[]>([]);
  useEffect(() => void supporters().then(({ items }) => setHeld(items), (error: unknown) => toast(sentence(error), "bad")), []);
  if (held.length === 0) return null;
  return (
    <section class="panel">
      <h2>{t("supporters")}</h2>
      <ul class="money-list">
        {held.map((one) => (
          <li key={one.id}>
            <div class="money-what">
              <a href={`/@${one.user.username}`}>
                <bdi>{one.user.display_name || one.user.username}</bdi>
              </a>{" "}
              <span class="dim">
                <bdi>{one.tier}</bdi> · {t("months", { n: one.months })}
                {one.gift_from && ` · ${t("giftFrom", { name: one.gift_from.display_name || one.gift_from.username })}`}
              </span>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
