/** Whether a campaign runs, and what it waits for. */
import type { Campaign } from "./calls";
import { t } from "./words";

const WHY = { payment: "waitsPayment", approval: "waitsApproval", start: "waitsStart", money: "waitsMoney", end: "waitsEnd" } as const;

export function Waits({ of: one }: { of: Campaign }) {
  if (one.state === "ended" || one.waits_for.includes("end")) return <span class="muted">{t("waitsEnd")}</span>;
  if (one.state === "paused") return <span class="muted">{t("paused")}</span>;
  if (one.waits_for.length === 0) return <span class="badge">{t("runs")}</span>;
  return <span class="muted">{one.waits_for.map((why) => t(WHY[why])).join(" · ")}</span>;
}
