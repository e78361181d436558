/** The picture as it will be sent, and where it comes from. */
import { useEffect, useRef, useState } from "preact/hooks";
import { CameraIcon, MicIcon, MicOffIcon, ScreenIcon } from "../../ui/icons";
import { LevelMeter } from "./meter";
import { mayCapture, whyNoDevice, type Studio } from "./studio";
import { t } from "./words";

export function Preview({ studio }: { studio: Studio }) {
  const video = useRef<HTMLVideoElement>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const picture = studio.picture.value;
  const source = studio.source.value;

  useEffect(() => {
    if (!video.current) return;
    video.current.srcObject = picture ? new MediaStream([picture]) : null;
    if (picture) void video.current.play().catch(() => undefined);
  }, [picture]);

  const open = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      setFailure(null);
    } catch (error) {
      setFailure(whyNoDevice(error));
    }
  };

  if (!mayCapture()) return <Insecure />;
  return (
    <section class="preview" aria-label={t("preview")}>
      <div class={`preview-frame${source === "camera" ? " mirrored" : ""}`}>
        <video ref={video} muted playsInline aria-label={t("yourPicture")} />
        {!picture && (
          <div class="preview-empty">
            <p>{studio.micOn.value ? t("soundOnly") : t("whatToShow")}</p>
            <div class="row">
              <button type="button" class="button accent large" onClick={() => void open(() => studio.openCamera())}>
                <CameraIcon /> {t("camera")}
              </button>
              <ScreenButton studio={studio} open={open} />
            </div>
          </div>
        )}
      </div>
      {failure && (
        <p class="form-error" role="alert">
          {failure}
        </p>
      )}
      <div class="preview-bar">
        <button
          type="button"
          class="button"
          aria-pressed={studio.micOn.value}
          onClick={() => (studio.micOn.value ? studio.turnMicOff() : void open(() => studio.turnMicOn()))}
        >
          {studio.micOn.value ? <MicIcon /> : <MicOffIcon />} {studio.micOn.value ? t("micOn") : t("micOff")}
        </button>
        <LevelMeter studio={studio} />
        {picture && (
          <span class="row">
            {source !== "camera" && (
              <button type="button" class="button" onClick={() => void open(() => studio.openCamera())}>
                <CameraIcon /> {t("camera")}
              </button>
            )}
            {source !== "screen" && <ScreenButton studio={studio} open={open} />}
          </span>
        )}
      </div>
      <Pickers studio={studio} open={open} />
    </section>
  );
}

interface Opens {
  studio: Studio;
  open: (work: () => Promise<void>) => Promise<void>;
}

function ScreenButton({ studio, open }: Opens) {
  if (!("getDisplayMedia" in navigator.mediaDevices)) return null;
  return (
    <button type="button" class="button large" onClick={() => void open(() => studio.openScreen())}>
      <ScreenIcon /> {t("screen")}
    </button>
  );
}

export function Pickers({ studio, open }: Opens) {
  const { cameras, microphones } = studio.devices.value;
  if (cameras.length + microphones.length === 0) return null;
  return (
    <div class="two">
      <DevicePicker
        id="device-camera"
        label={t("camera")}
        devices={cameras}
        value={studio.cameraId.value}
        onChange={(id) => void open(() => studio.chooseCamera(id))}
      />
      <DevicePicker
        id="device-microphone"
        label={t("microphone")}
        devices={microphones}
        value={studio.microphoneId.value}
        onChange={(id) => void open(() => studio.chooseMicrophone(id))}
      />
    </div>
  );
}

interface PickerProps {
  id: string;
  label: string;
  devices: MediaDeviceInfo[];
  value: string;
  onChange: (id: string) => void;
}

function DevicePicker({ id, label, devices, value, onChange }: PickerProps) {
  if (!devices.length) return null;
  const known = devices.some((device) => device.deviceId === value) ? value : (devices[0]?.deviceId ?? "");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={known} onChange={(event) => onChange(event.currentTarget.value)}>
        {devices.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || t("numbered", { label, n: index + 1 })}
          </option>
        ))}
      </select>
    </div>
  );
}

function Insecure() {
  return (
    <section class="panel">
      <h2>{t("insecure")}</h2>
      <p>
        {t.rich("insecureText", {
          local: <span class="mono">http://localhost</span>,
          here: <span class="mono">{location.origin}</span>,
        })}
      </p>
      <ul class="steps plain">
        <li>{t.rich("insecureCertificate", { cert: <code>--tls-cert</code>, key: <code>--tls-key</code> })}</li>
        <li>{t("insecureEncoder")}</li>
      </ul>
    </section>
  );
}
