/** What the person wants to hear of, by which ways, and when. Each change is kept at once. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";
import { Spinner } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { DeviceList } from "./devices";
import { CHANNELS, channels, KINDS, names, type Channel, type Kind } from "./kinds";
import { Times } from "./times";
import { t } from "./words";
import "./settings.css";

export type Settings = Answer<"getNotificationSettings">;

export default function NotificationSettings() {
  const [settings, setSettings] = useState<Settings | null>(null);
  useEffect(() => {
    call<Settings>("/me/notification-settings").then(setSettings, (error) => toast(sentence(error), "bad"));
  }, []);
  if (!settings) return <Spinner />;

  const keep = async (wanted: Settings): Promise<void> => {
    setSettings(wanted);
    try {
      setSettings(await call<Settings>("/me/notification-settings", { method: "PUT", body: wanted }));
      toast(t("saved"));
    } catch (error) {
      setSettings(settings);
      toast(sentence(error), "bad");
    }
  };
  const change = (kind: Kind, channel: Channel, on: boolean): void => {
    const ways = settings.kinds[kind];
    if (ways) void keep({ ...settings, kinds: { ...settings.kinds, [kind]: { ...ways, [channel]: on } } });
  };
  return (
    <div class="notification-settings">
      <Matrix settings={settings} onChange={change} />
      <Times settings={settings} onChange={(some) => void keep({ ...settings, ...some })} />
      <DeviceList />
    </div>
  );
}

interface MatrixProps {
  settings: Settings;
  onChange: (kind: Kind, channel: Channel, on: boolean) => void;
}

function Matrix({ settings, onChange }: MatrixProps) {
  return (
    <fieldset class="panel choice notification-matrix">
      <legend>{t("kinds")}</legend>
      <table>
        <thead>
          <tr>
            <td />
            {channels.map((channel) => (
              <th key={channel} scope="col">
                {t(CHANNELS[channel])}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((kind) => (
            <tr key={kind}>
              <th scope="row">{t(KINDS[kind])}</th>
              {channels.map((channel) => (
                <td key={channel}>
                  <input
                    type="checkbox"
                    aria-label={t("wayOf", { kind: t(KINDS[kind]), way: t(CHANNELS[channel]) })}
                    checked={settings.kinds[kind]?.[channel] ?? false}
                    onChange={(event) => onChange(kind, channel, event.currentTarget.checked)}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </fieldset>
  );
}
