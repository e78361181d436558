/** Statements to keep, and what was paid out by year. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { toast } from "../../ui/toasts";
import { money } from "./amounts";
import { statement, taxTotals, type YearTotals } from "./calls";
import { t } from "./words";

const YEARS = 5;
const FORMATS = ["csv", "pdf"] as const;
type Format = (typeof FORMATS)[number];

export function Statements() {
  const now = new Date().getUTCFullYear();
  const [year, setYear] = useState(now);
  const [told, setTold] = useState<YearTotals | null>(null);
  useEffect(() => void taxTotals(year).then(setTold, (error: unknown) => toast(sentence(error), "bad")), [year]);
  const download = async (format: Format): Promise<void> => {
    try {
      save(await statement(year, format), `statement-${year}.${format}`);
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <section class="panel">
      <h2>{t("statements")}</h2>
      <div class="row">
        <label class="row">
          {t("year")}
          <select value={year} onChange={(event) => setYear(Number(event.currentTarget.value))}>
            {Array.from({ length: YEARS }, (_, n) => (
              <option key={n} value={now - n}>
                {now - n}
              </option>
            ))}
          </select>
        </label>
        {FORMATS.map((format) => (
          <button key={format} type="button" class="button" onClick={() => void download(format)}>
            {t(format === "csv" ? "asCsv" : "asPdf")}
          </button>
        ))}
      </div>
      {told?.totals.length === 0 && <p class="hint">{t("nothingPaid")}</p>}
      <ul class="money-list">
        {told?.totals.map((one) => (
          <li key={one.currency}>
            <span class="money-what">{t("yearTotal", { n: one.payouts, withheld: money(one.withheld, one.currency) })}</span>
            <strong>{money(one.amount, one.currency)}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
