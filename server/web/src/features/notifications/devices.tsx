/** The devices that notifications are pushed to, with a switch for this one. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago } from "../../ui/format";
import { Spinner } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { canPush, isOn, isRefused, listDevices, removeDevice, turnOff, turnOn, type Device, type Devices } from "./push";
import { t } from "./words";

export function DeviceList() {
  const [devices, setDevices] = useState<Devices | null>(null);
  const [here, setHere] = useState(false);
  const load = async (): Promise<void> => {
    setDevices(await listDevices());
    setHere(await isOn());
  };
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  const remove = (one: Device): Promise<void> => attempt(() => removeDevice(one.id).then(load), t("deviceRemoved"));
  return (
    <section class="panel" aria-labelledby="devices">
      <h2 id="devices">{t("devices")}</h2>
      <p class="dim">{t("devicesText")}</p>
      {!devices && <Spinner />}
      {devices && <ThisDevice devices={devices} isOn={here} onChanged={load} />}
      {devices && devices.items.length > 0 && (
        <ul class="notification-devices">
          {devices.items.map((one) => (
            <li key={one.id}>
              <span>
                <bdi>{nameOf(one)}</bdi>
                <small class="dim">{one.sent_at ? t("deviceSent", { ago: ago(one.sent_at) }) : t("deviceNew")}</small>
              </span>
              <button type="button" class="button" aria-label={t("removeIt", { name: nameOf(one) })} onClick={() => void remove(one)}>
                {t("remove")}
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface ThisDeviceProps {
  devices: Devices;
  isOn: boolean;
  onChanged: () => Promise<void>;
}

function ThisDevice({ devices, isOn: isOnHere, onChanged }: ThisDeviceProps) {
  const [busy, setBusy] = useState(false);
  if (!canPush()) return <p>{t("cannotPush")}</p>;
  const turn = async (): Promise<void> => {
    setBusy(true);
    await attempt(async () => {
      if (isOnHere) await turnOff();
      else if (!(await turnOn(devices.public_key))) toast(t("refusedPush"), "bad");
      await onChanged();
    });
    setBusy(false);
  };
  return (
    <p>
      <button type="button" class={`button${isOnHere ? "" : " accent"}`} disabled={busy} aria-pressed={isOnHere} onClick={() => void turn()}>
        {t(isOnHere ? "turnOff" : "turnOn")}
      </button>
      {isRefused() && !isOnHere && <span class="dim"> {t("refusedPush")}</span>}
    </p>
  );
}

/** Of the browser's name in the middle of all that it says of itself. */
function nameOf(one: Device): string {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(one.device)?.[1] ?? "";
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(one.device)?.[1] ?? "";
  const known = { Edg: "Edge", OPR: "Opera" }[browser] ?? browser;
  return [known, system].filter(Boolean).join(" · ") || one.device.slice(0, 60) || one.kind;
}
