import { useEffect, useState } from "preact/hooks";
import { Spinner } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { getSettings, setSettings, type Settings } from "./calls";
import { t } from "./words";

const CHOICES = ["everyone", "followed"] as const satisfies readonly Settings["requests_from"][];

export default function MessageSettings() {
  const [chosen, setChosen] = useState<Settings | null>(null);
  useEffect(() => void attempt(() => getSettings().then(setChosen)), []);
  const choose = (requests_from: Settings["requests_from"]): void =>
    void attempt(() => setSettings({ requests_from }).then(setChosen), t("saved"));
  if (!chosen) return <Spinner />;
  return (
    <fieldset class="stack">
      <legend>{t("whoAsks")}</legend>
      {CHOICES.map((choice) => (
        <label key={choice} class="check">
          <input type="radio" name="requests_from" checked={chosen.requests_from === choice} onChange={() => choose(choice)} />
          <span>{t(choice)}</span>
        </label>
      ))}
    </fieldset>
  );
}
