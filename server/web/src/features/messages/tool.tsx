/** The envelope in the header: how many conversations are unread or ask, and the way to them. */
import { useEffect } from "preact/hooks";
import { me } from "../../api/session";
import { path } from "../../router";
import { count } from "../../ui/format";
import { MessageIcon } from "../../ui/icons";
import { held, start } from "./store";
import { t } from "./words";
import "./messages.css";

export default function MessagesTool() {
  useEffect(start, []);
  if (!me.value) return null;
  const unread = (held.value?.unread ?? 0) + (held.value?.requests ?? 0);
  const label = unread ? t("tool", { n: unread }) : t("toolNone");
  return (
    <>
      <a class="icon-button messages-tool" href="/messages" aria-label={label} aria-current={path.value.startsWith("/messages") ? "page" : undefined}>
        <MessageIcon />
        {unread > 0 && (
          <span class="messages-count" aria-hidden="true">
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
