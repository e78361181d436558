/** The books as operators see them: the ledger with its invariant, what Stripe has posted, and both compared. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { count, when } from "../../ui/format";
import { Empty, Spinner } from "../../ui/parts";
import { Scroll } from "../../ui/scroll";
import { toast } from "../../ui/toasts";
import { money } from "./amounts";
import { checkLedger, transfers, type AdminLedger, type Check } from "./calls";
import { Comparisons } from "./comparisons";
import { StripeEvents } from "./stripe_events";
import { Withholding } from "./withholding";
import { t } from "./words";
import "./money.css";

export default function Operator() {
  const [ledger, setLedger] = useState<AdminLedger | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const ask = async (cursor: string | null): Promise<void> => {
    try {
      const answer = await transfers(cursor);
      setLedger((before) => (cursor && before ? { ...answer, items: [...before.items, ...answer.items] } : answer));
    } catch (error) {
      setFailure(error);
    }
  };
  useEffect(() => void ask(null), []);
  if (failure instanceof ApiError && failure.status === 403) {
    return (
      <Empty title={t("forOperators")}>
        <p>{t("noLeave")}</p>
      </Empty>
    );
  }
  return (
    <div class="money-books">
      {failure ? <p role="status">{sentence(failure)}</p> : null}
      {!ledger && !failure && <Spinner />}
      {ledger && (
        <section class="panel" aria-labelledby="money-ledger">
          <h2 id="money-ledger">{t("ledger")}</h2>
          <Invariant />
          <Totals totals={ledger.totals} />
          <Transfers items={ledger.items} />
          {ledger.next && (
            <button type="button" class="button" onClick={() => void ask(ledger.next)}>
              {t("older")}
            </button>
          )}
        </section>
      )}
      <StripeEvents />
      <Comparisons />
      <Withholding />
    </div>
  );
}

function Invariant() {
  const [check, setCheck] = useState<Check | null>(null);
  const [isBusy, setBusy] = useState(false);
  const add = async (): Promise<void> => {
    setBusy(true);
    try {
      setCheck(await checkLedger());
    } catch (error) {
      toast(sentence(error), "bad");
    } finally {
      setBusy(false);
    }
  };
  const isSound = check !== null && check.sum === 0 && check.differences.length === 0;
  return (
    <>
      <p role="status" class={check && !isSound ? "money-bad" : undefined}>
        {check &&
          (isSound
            ? t("sound", { transfers: count(check.transfers), entries: count(check.entries) })
            : t("unsound", { sum: check.sum, n: check.differences.length }))}
      </p>
      <button type="button" class="button" disabled={isBusy} onClick={() => void add()}>
        {t("check")}
      </button>
    </>
  );
}

function Totals({ totals }: { totals: AdminLedger["totals"] }) {
  if (totals.length === 0) return <p class="dim">{t("noTransfers")}</p>;
  return (
    <Scroll label={t("totalsTable")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("account")}</th>
            <th scope="col">{t("balance")}</th>
          </tr>
        </thead>
        <tbody>
          {totals.map((one) => (
            <tr key={`${one.account} ${one.currency}`}>
              <th scope="row" class="mono">
                {one.account}
              </th>
              <td class="tabular">
                <bdi>{money(one.balance, one.currency)}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Transfers({ items }: { items: AdminLedger["items"] }) {
  if (items.length === 0) return null;
  return (
    <Scroll label={t("transfersTable")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("time")}</th>
            <th scope="col">{t("kind")}</th>
            <th scope="col">{t("entries")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.id}>
              <td>{when(one.at)}</td>
              <td class="mono">{one.kind}</td>
              <td class="money-entries">
                {one.entries.map((entry, place) => (
                  <span key={place}>
                    <bdi class="mono">{entry.account}</bdi> <bdi>{money(entry.amount, one.currency)}</bdi>
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
