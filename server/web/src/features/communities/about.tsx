/** What a community says of itself. */
import { month } from "../../ui/format";
import { ReportButton } from "../safety/button";
import type { Community } from "./calls";
import { isReadable } from "./page";
import { t } from "./words";

export function About({ one }: { one: Community }) {
  return (
    <section class="community-about">
      {!isReadable(one) && <p class="dim">{t(one.viewer?.state === "banned" ? "banned" : "closed")}</p>}
      {one.description && (
        <p class="prose" dir="auto">
          {one.description}
        </p>
      )}
      <p class="dim">{t("founded", { when: month(one.created_at) })}</p>
      <h2 class="shelf-title">{t("rulesTitle")}</h2>
      <p class="prose" dir="auto">
        {one.rules || t("noRules")}
      </p>
      {one.viewer?.role !== "owner" && <ReportButton kind="community" id={one.id} />}
    </section>
  );
}
