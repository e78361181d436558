/** Whether others may clip the person's broadcasts. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { Spinner } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { getClipSettings, setClipSettings, type ClipSettings as Settings } from "./calls";
import { t } from "./words";

export default function ClipSettings() {
  const [settings, setSettings] = useState<Settings | null>(null);
  useEffect(() => {
    getClipSettings().then(setSettings, (error) => toast(sentence(error), "bad"));
  }, []);
  if (!settings) return <Spinner />;
  const change = async (isAllowed: boolean): Promise<void> => {
    const wanted = { others_may_clip: isAllowed };
    setSettings(wanted);
    try {
      setSettings(await setClipSettings(wanted));
      toast(t("saved"));
    } catch (error) {
      setSettings(settings);
      toast(sentence(error), "bad");
    }
  };
  return (
    <fieldset class="panel choice">
      <legend>{t("clips")}</legend>
      <label>
        <input type="checkbox" checked={settings.others_may_clip} onChange={(event) => void change(event.currentTarget.checked)} />
        <span>
          {t("allowOthers")}
          <small>{t("allowOthersHint")}</small>
        </span>
      </label>
    </fieldset>
  );
}
