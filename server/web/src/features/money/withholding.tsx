/** What is kept back of payouts for taxes: the rules by country, and from whom it is kept now. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { Scroll } from "../../ui/scroll";
import { toast } from "../../ui/toasts";
import { money } from "./amounts";
import { putWithholding, settleWithholding, withholding, type Held, type Rule, type Withheld } from "./calls";
import { t } from "./words";

const MAX_PERCENT = 100;
const COUNTRY = /^[A-Z]{2}$/;

const named = (country: string | null): string => country ?? t("noTaxDetails");

export function Withholding() {
  const [found, setFound] = useState<Withheld | null>(null);
  const [isBusy, setBusy] = useState(false);
  const take = async (asked: () => Promise<Withheld>): Promise<void> => {
    setBusy(true);
    try {
      setFound(await asked());
    } catch (error) {
      toast(sentence(error), "bad");
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => void take(withholding), []);
  if (!found) return null;
  const put = (rules: Rule[]): Promise<void> => take(() => putWithholding(rules));
  const settle = (held: Held, to: "release" | "remit"): Promise<void> =>
    take(() => settleWithholding({ user: held.person_id, currency: held.currency, to }).then(withholding));
  return (
    <section class="panel" aria-labelledby="money-withholding" aria-busy={isBusy}>
      <h2 id="money-withholding">{t("withholding")}</h2>
      <p class="dim">{t("withholdingMeans")}</p>
      {found.rules.length === 0 && <p>{t("nothingWithheld")}</p>}
      <ul class="money-list">
        {found.rules.map((rule) => (
          <li key={rule.country}>
            <div class="money-what">
              <b>{named(rule.country)}</b> <span class="tabular">{t("percent", { n: rule.percent })}</span>
            </div>
            <button
              type="button"
              class="button"
              disabled={isBusy}
              aria-label={t("withholdNothing", { country: named(rule.country) })}
              onClick={() => void put(found.rules.filter((other) => other !== rule))}
            >
              {t("removeRule")}
            </button>
          </li>
        ))}
      </ul>
      <NewRule rules={found.rules} isBusy={isBusy} put={put} />
      {found.held.length > 0 && <HeldTable held={found.held} isBusy={isBusy} settle={settle} />}
    </section>
  );
}

/** One for a country that has a rule takes its place. */
function NewRule({ rules, isBusy, put }: { rules: Rule[]; isBusy: boolean; put: (rules: Rule[]) => Promise<void> }) {
  const [country, setCountry] = useState("");
  const [percent, setPercent] = useState("");
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    const code = country.trim().toUpperCase();
    if (code && !COUNTRY.test(code)) return toast(t("countryForm"), "bad");
    const rule = { country: code || null, percent: Number(percent) };
    await put([...rules.filter((other) => other.country !== rule.country), rule]);
    setCountry("");
    setPercent("");
  };
  return (
    <form class="money-form" onSubmit={(event) => void add(event)}>
      <label>
        {t("ruleCountry")}
        <input
          dir="ltr"
          value={country}
          maxLength={2}
          autocapitalize="characters"
          aria-describedby="money-rule-country"
          onInput={(event) => setCountry(event.currentTarget.value)}
        />
      </label>
      <label>
        {t("rulePercent")}
        <input
          type="number"
          required
          min={1}
          max={MAX_PERCENT}
          step={1}
          value={percent}
          onInput={(event) => setPercent(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button" disabled={isBusy}>
        {t("addRule")}
      </button>
      <p id="money-rule-country" class="dim">
        {t("ruleCountryHint")}
      </p>
    </form>
  );
}

interface Settling {
  held: Held[];
  isBusy: boolean;
  settle: (held: Held, to: "release" | "remit") => Promise<void>;
}

function HeldTable({ held, isBusy, settle }: Settling) {
  const ask = (one: Held, to: "release" | "remit"): void => {
    const words = { amount: money(one.amount, one.currency), name: one.username };
    if (confirm(to === "release" ? t("releaseSure", words) : t("remitSure", words))) void settle(one, to);
  };
  return (
    <Scroll label={t("heldTable")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("heldFrom")}</th>
            <th scope="col">{t("amount")}</th>
            <th scope="col">{t("whereTo")}</th>
          </tr>
        </thead>
        <tbody>
          {held.map((one) => (
            <tr key={`${one.person_id} ${one.currency}`}>
              <th scope="row">@{one.username}</th>
              <td class="tabular">
                <bdi>{money(one.amount, one.currency)}</bdi>
              </td>
              <td>
                <button type="button" class="button" disabled={isBusy} onClick={() => ask(one, "release")}>
                  {t("release")}
                </button>{" "}
                <button type="button" class="button" disabled={isBusy} onClick={() => ask(one, "remit")}>
                  {t("remit")}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
