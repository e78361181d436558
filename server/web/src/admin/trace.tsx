/** One message's way through the cluster, found by its trace id. */
import { useState } from "preact/hooks";
import { getTrace } from "../api/calls";
import { sentence } from "../api/http";
import type { Trace } from "../api/types";
import { Field } from "../ui/parts";
import { ms } from "./measures";
import { Scroll } from "./scroll";

export function TraceFinder() {
  const [trace, setTrace] = useState<Trace | null>(null);
  const [error, setError] = useState<string>();
  const find = async (id: string): Promise<void> => {
    setTrace(null);
    if (!/^[0-9a-f]{32}$/.test(id)) return setError("A trace id has 32 hexadecimal digits.");
    try {
      setTrace(await getTrace(id));
      setError(undefined);
    } catch (failure) {
      setError(sentence(failure));
    }
  };
  return (
    <section class="panel" aria-labelledby="admin-trace">
      <h2 id="admin-trace">Follow a message</h2>
      <form
        class="admin-find"
        onSubmit={(event) => {
          event.preventDefault();
          void find(String(new FormData(event.currentTarget).get("trace") ?? "").trim());
        }}
      >
        <Field label="Trace id" name="trace" error={error} hint="Connect with auth: {trace: true}; what you send is then acknowledged with its id.">
          {(ids) => <input {...ids} name="trace" class="mono" autocomplete="off" autocapitalize="none" spellcheck={false} />}
        </Field>
        <button type="submit" class="button">
          Find
        </button>
      </form>
      {trace && <Steps trace={trace} />}
    </section>
  );
}

function Steps({ trace }: { trace: Trace }) {
  const start = Date.parse(trace.spans[0]?.at ?? "");
  return (
    <Scroll label="Steps of the message">
      {trace.silent.length > 0 && <p class="dim">Did not answer: {trace.silent.join(", ")}</p>}
      <table class="admin-table">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Node</th>
            <th scope="col">After</th>
            <th scope="col">Took</th>
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
