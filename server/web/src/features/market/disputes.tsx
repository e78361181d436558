/** For moderators: orders in dispute, decided for one of both. */
import { usePages } from "../../ui/pages";
import { PageTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { decide, disputedOrders } from "./calls";
import { OrderRow } from "./order-list";
import { Listed } from "./pages";
import { t } from "./words";

export default function DisputesPage() {
  const pages = usePages(disputedOrders, []);
  const rule = (id: string, verdict: "uphold" | "dismiss"): void => void attempt(() => decide(id, verdict).then(pages.replace));
  return (
    <section>
      <PageTitle>{t("disputes")}</PageTitle>
      <Listed of={pages} none={t("noOrders")}>
        {(one) => (
          <li key={one.id}>
            <ul class="market-list">
              <OrderRow of={one} other={one.seller} />
            </ul>
            <p dir="auto">{one.reason}</p>
            <p dir="auto">{one.answer}</p>
            {(["uphold", "dismiss"] as const).map((verdict) => (
              <button key={verdict} type="button" class="button" disabled={one.due_at === null} onClick={() => rule(one.id, verdict)}>
                {t(verdict)}
              </button>
            ))}
          </li>
        )}
      </Listed>
    </section>
  );
}
