/** Stripe and the ledger compared: what was found, and comparing them now. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { count, when } from "../../ui/format";
import { Scroll } from "../../ui/scroll";
import { toast } from "../../ui/toasts";
import { money } from "./amounts";
import { reconcile, reconciliations, type Reconciliation } from "./calls";
import { t } from "./words";

export function Comparisons() {
  const [found, setFound] = useState<Reconciliation[]>([]);
  const ask = async (): Promise<void> => {
    try {
      setFound((await reconciliations()).items);
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  useEffect(() => void ask(), []);
  const begin = async (): Promise<void> => {
    try {
      await reconcile();
      toast(t("comparing"));
      await ask();
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <section class="panel" aria-labelledby="money-comparisons">
      <h2 id="money-comparisons">{t("reconciliation")}</h2>
      <button type="button" class="button" onClick={() => void begin()}>
        {t("compareNow")}
      </button>
      {found.length === 0 && <p class="dim">{t("noComparison")}</p>}
      <ul class="money-list">
        {found.map((one) => (
          <li key={one.id}>
            <div class="money-what">
              <b>{when(one.began_at)}</b>
              <p class={one.differing ? "money-bad" : "dim"}>
                {one.ended_at
                  ? t("compared", { charges: count(one.charges), recovered: count(one.recovered ?? 0), n: count(one.differing) })
                  : t("underComparison")}
              </p>
              {one.differences.length > 0 && <Differences differences={one.differences} />}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Differences({ differences }: { differences: Reconciliation["differences"] }) {
  return (
    <Scroll label={t("differencesTable")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("payment")}</th>
            <th scope="col">{t("atStripe")}</th>
            <th scope="col">{t("inLedger")}</th>
          </tr>
        </thead>
        <tbody>
          {differences.map((one) => (
            <tr key={one.intent_id}>
              <th scope="row" class="mono">
                {one.intent_id}
              </th>
              <td class="tabular">{money(one.at_provider, one.currency)}</td>
              <td class="tabular">{money(one.in_ledger, one.currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
