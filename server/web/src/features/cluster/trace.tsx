/** One message's way through the cluster, found by its trace id. */
import { useState } from "preact/hooks";
import { getTrace } from "./calls";
import { sentence } from "../../api/http";
import type { Trace } from "../../api/types";
import { listed } from "../../ui/format";
import { Field } from "../../ui/parts";
import { ms } from "./measures";
import { Scroll } from "../../ui/scroll";
import { t } from "./words";

export function TraceFinder() {
  const [trace, setTrace] = useState<Trace | null>(null);
  const [error, setError] = useState<string>();
  const find = async (id: string): Promise<void> => {
    setTrace(null);
    if (!/^[0-9a-f]{32}$/.test(id)) return setError(t("traceForm"));
    try {
      setTrace(await getTrace(id));
      setError(undefined);
    } catch (failure) {
      setError(sentence(failure));
    }
  };
  return (
    <section class="panel" aria-labelledby="admin-trace">
      <h2 id="admin-trace">{t("follow")}</h2>
      <form
        class="admin-find"
        onSubmit={(event) => {
          event.preventDefault();
          void find(String(new FormData(event.currentTarget).get("trace") ?? "").trim());
        }}
      >
        <Field label={t("traceId")} name="trace" error={error} hint={t.rich("traceHint", { auth: <code dir="ltr">{"auth: {trace: true}"}</code> })}>
          {(ids) => <input {...ids} name="trace" class="mono" autocomplete="off" autocapitalize="none" spellcheck={false} />}
        </Field>
        <button type="submit" class="button">
          {t("find")}
        </button>
      </form>
      {trace && <Steps trace={trace} />}
    </section>
  );
}

function Steps({ trace }: { trace: Trace }) {
  const start = Date.parse(trace.spans[0]?.at ?? "");
  return (
    <Scroll label={t("steps")}>
      {trace.silent.length > 0 && <p class="dim">{t("silent", { names: listed(trace.silent) })}</p>}
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("step")}</th>
            <th scope="col">{t("node")}</th>
            <th scope="col">{t("after")}</th>
            <th scope="col">{t("took")}</th>
          </tr>
        </thead>
        <tbody>
          {trace.spans.map((span, index) => (
            <tr key={index}>
              <th scope="row">{span.name}</th>
              <td>{span.node}</td>
              <td class="tabular">{ms(Date.parse(span.at) - start)}</td>
              <td class="tabular">{ms(span.duration_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
