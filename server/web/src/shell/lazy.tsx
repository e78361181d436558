import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Load } from "../feature";
import { Spinner } from "../ui/parts";

/** What was fetched already is drawn at once when it is opened again. */
const fetched = new WeakMap<Load<never>, FunctionComponent<never>>();

/** A component whose code is fetched when it is first shown; `failure` is what the fetch threw. */
export function useLazy(load: Load<never>): { Found: FunctionComponent<object> | undefined; failure: unknown } {
  const [, redraw] = useState(0);
  const [failure, setFailure] = useState<unknown>(null);
  const Found = fetched.get(load) as FunctionComponent<object> | undefined;
  useEffect(() => {
    if (fetched.has(load)) return;
    load().then(({ default: found }) => {
      fetched.set(load, found);
      redraw((n) => n + 1);
    }, setFailure);
  }, [load]);
  return { Found, failure };
}

/** Throws while drawing what the fetch threw. */
export function Lazy({ load, parameters = {} }: { load: Load<never>; parameters?: Record<string, string> }) {
  const { Found, failure } = useLazy(load);
  if (failure) throw failure;
  if (Found) return <Found {...parameters} />;
  return (
    <div class="page centred">
      <Spinner />
    </div>
  );
}
