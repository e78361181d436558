/** Where the link at the end of a mail leads: no more of these. A look at the page changes nothing. */
import { useState } from "preact/hooks";
import { query } from "../../router";
import { Empty, PageTitle, useTitle } from "../../ui/parts";
import { KINDS, type Kind } from "./kinds";
import { t } from "./words";

export default function Unsubscribe() {
  useTitle(t("unsubscribe"));
  const [state, setState] = useState<"asked" | "busy" | "done" | "failed">("asked");
  const asked = new URLSearchParams(query.value);
  const send = async (what: string): Promise<void> => {
    setState("busy");
    const address = `/unsubscribe?${new URLSearchParams({ token: asked.get("token") ?? "", kind: what })}`;
    const answer = await fetch(address, { method: "POST", body: new URLSearchParams({ "List-Unsubscribe": "One-Click" }) }).catch(() => null);
    setState(answer?.ok ? "done" : "failed");
  };
  const what = asked.get("kind") ?? "all";
  return (
    <div class="page narrow">
      <PageTitle>{t("unsubscribe")}</PageTitle>
      {state === "done" ? (
        <Empty title={t("unsubscribed")}>
          <p>
            <a href="/settings/notifications">{t("settings")}</a>
          </p>
        </Empty>
      ) : (
        <section class="panel">
          <p>{what === "digest" ? t("aboutDigest") : what in KINDS ? t("aboutKind", { kind: t(KINDS[what as Kind]) }) : t("aboutAll")}</p>
          <p role="status">{state === "failed" ? t("unsubscribeFailed") : ""}</p>
          <div class="row">
            <button type="button" class="button accent" disabled={state === "busy"} onClick={() => void send(what)}>
              {t("unsubscribeIt")}
            </button>
            {what !== "all" && (
              <button type="button" class="button" disabled={state === "busy"} onClick={() => void send("all")}>
                {t("unsubscribeAll")}
              </button>
            )}
          </div>
        </section>
      )}
    </div>
  );
}
