/** The bell in the header: how many notifications are unread, and the way to them. */
import { useEffect } from "preact/hooks";
import { me } from "../../api/session";
import { path } from "../../router";
import { BellIcon } from "../../ui/icons";
import { count } from "../../ui/format";
import { startPush } from "./push";
import { held, start } from "./store";
import { t } from "./words";
import "./notifications.css";

export default function Bell() {
  useEffect(() => {
    start();
    startPush();
  }, []);
  if (!me.value) return null;
  const unread = held.value?.unread ?? 0;
  const label = unread ? t("bell", { n: unread }) : t("bellNone");
  return (
    <>
      <a class="icon-button bell" href="/notifications" aria-label={label} aria-current={path.value === "/notifications" ? "page" : undefined}>
        <BellIcon />
        {unread > 0 && (
          <span class="bell-count" aria-hidden="true">
            {count(unread)}
          </span>
        )}
      </a>
      <span class="visually-hidden" role="status">
        {unread > 0 ? label : ""}
      </span>
    </>
  );
}
