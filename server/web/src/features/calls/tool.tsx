/** The way to a new call, in the header. */
import { path } from "../../router";
import { CallIcon } from "../../ui/icons";
import { t } from "./words";

export default function CallTool() {
  return (
    <a class="icon-button" href="/calls" aria-label={t("newCall")} title={t("newCall")} aria-current={path.value === "/calls" ? "page" : undefined}>
      <CallIcon />
    </a>
  );
}
