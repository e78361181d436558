/** Which kinds of notifications the person wants. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";
import { Spinner } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { t } from "./words";

type Settings = Answer<"getNotificationSettings">;

const KINDS = {
  follow: "kindFollow",
  follow_request: "kindRequest",
  follow_approved: "kindApproved",
  mention: "kindMention",
  stream_started: "kindStarted",
} as const;

export default function NotificationSettings() {
  const [settings, setSettings] = useState<Settings | null>(null);
  useEffect(() => {
    call<Settings>("/me/notification-settings").then(setSettings, (error) => toast(sentence(error), "bad"));
  }, []);
  if (!settings) return <Spinner />;

  const change = async (kind: string, inApp: boolean): Promise<void> => {
    const wanted = { kinds: { ...settings.kinds, [kind]: { in_app: inApp } } };
    setSettings(wanted);
    try {
      setSettings(await call<Settings>("/me/notification-settings", { method: "PUT", body: wanted }));
      toast(t("saved"));
    } catch (error) {
      setSettings(settings);
      toast(sentence(error), "bad");
    }
  };
  return (
    <fieldset class="panel choice">
      <legend>{t("kinds")}</legend>
      {Object.entries(KINDS).map(([kind, label]) => (
        <label key={kind}>
          <input type="checkbox" checked={settings.kinds[kind]?.in_app ?? true} onChange={(event) => void change(kind, event.currentTarget.checked)} />
          <span>{t(label)}</span>
        </label>
      ))}
    </fieldset>
  );
}
