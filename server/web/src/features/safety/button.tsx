import { me } from "../../api/session";
import type { Kind } from "./calls";
import { askToReport } from "./report";
import { t } from "./words";

/** Guests have none. */
export function ReportButton({ kind, id }: { kind: Kind; id: string }) {
  if (!me.value) return null;
  return (
    <button type="button" class="button" onClick={() => askToReport(kind, id)}>
      {t("report")}
    </button>
  );
}
