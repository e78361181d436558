/** Models: their versions with measures, and which is in use. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";
import { when } from "../../ui/format";
import { Empty, Spinner } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import "./insight.css";
import { t } from "./words";

type Model = Answer<"listModels">["items"][number];

const STATES = { ready: "state_ready", fallback: "state_fallback", absent: "state_absent" } as const satisfies Record<Model["state"], string>;

export default function Models() {
  const [items, setItems] = useState<Model[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => void call<Answer<"listModels">>("/admin/models").then((answer) => setItems(answer.items), setFailure), []);
  const activate = (name: string, version: string): void => {
    call<Model>(`/admin/models/${name}/activate`, { method: "POST", body: { version } }).then(
      (model) => setItems((held) => held && held.map((one) => (one.name === name ? model : one))),
      (error: unknown) => toast(sentence(error), "bad"),
    );
  };
  if (failure) return <Empty title={sentence(failure)} />;
  if (!items) return <Spinner />;
  if (!items.length) return <Empty title={t("noModels")} />;
  return (
    <>
      {items.map((model) => (
        <section key={model.name} class="insight-block">
          <h2>
            <bdi>{model.name}</bdi> <span class="tag">{t(STATES[model.state])}</span>
          </h2>
          <p>{model.summary}</p>
          {model.why && <p class="insight-muted">{model.why}</p>}
          <p class="insight-muted">{t("withoutIt", { what: model.fallback })}</p>
          <ul class="insight-list" aria-label={t("versions", { name: model.name })}>
            {model.versions.map((one) => (
              <li key={one.version}>
                <span>
                  <b dir="ltr">{one.version}</b> <span class="insight-muted">{one.created_at ? when(one.created_at) : t("shipped")}</span>
                  <small dir="ltr">{Object.entries(one.measures).map(([name, value]) => `${name} ${value}`).join(" · ")}</small>
                </span>
                {one.active ? (
                  <span class="tag">{t("state_ready")}</span>
                ) : (
                  <button
                    type="button"
                    class="button"
                    aria-label={t("activateOf", { version: one.version, name: model.name })}
                    onClick={() => activate(model.name, one.version)}
                  >
                    {t("activate")}
                  </button>
                )}
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}
