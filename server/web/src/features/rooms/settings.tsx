/** Whose raids one takes, and whether leaderboards may name one. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { Spinner } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { leaderboardSettings, raidSettings, setLeaderboardSettings, setRaidSettings, type RaidsFrom } from "./calls";
import "./rooms.css";
import { t } from "./words";

const FROM = [
  ["everyone", "raidsEveryone"],
  ["followed", "raidsFollowed"],
  ["nobody", "raidsNobody"],
] as const;

interface Settings {
  raids: RaidsFrom;
  listed: boolean;
}

export default function RoomSettings() {
  const [settings, setSettings] = useState<Settings | null>(null);
  useEffect(() => {
    void Promise.all([raidSettings(), leaderboardSettings()]).then(
      ([{ allowed }, { listed }]) => setSettings({ raids: allowed, listed }),
      (error) => toast(sentence(error), "bad"),
    );
  }, []);
  if (!settings) return <Spinner />;
  const change = async (next: Settings, save: () => Promise<unknown>): Promise<void> => {
    setSettings(next);
    try {
      await save();
      toast(t("saved"), "good");
    } catch (error) {
      setSettings(settings);
      toast(sentence(error), "bad");
    }
  };
  return (
    <div class="room-settings">
      <fieldset class="panel choice">
        <legend>{t("raidsFrom")}</legend>
        {FROM.map(([raids, name]) => (
          <label key={raids}>
            <input
              type="radio"
              name="raids"
              checked={settings.raids === raids}
              onChange={() => void change({ ...settings, raids }, () => setRaidSettings(raids))}
            />
            <span>{t(name)}</span>
          </label>
        ))}
        <p class="hint">{t("raidsHint")}</p>
      </fieldset>
      <fieldset class="panel choice">
        <legend>{t("leaders")}</legend>
        <label>
          <input
            type="checkbox"
            checked={settings.listed}
            onChange={({ currentTarget: { checked } }) => void change({ ...settings, listed: checked }, () => setLeaderboardSettings(checked))}
          />
          <span>{t("nameMe")}</span>
        </label>
        <p class="hint">{t("nameMeHint")}</p>
      </fieldset>
    </div>
  );
}
