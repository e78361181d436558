/** The picture as it will be sent, and where it comes from. */
import { useEffect, useRef, useState } from "preact/hooks";
import { CameraIcon, MicIcon, MicOffIcon, ScreenIcon } from "../ui/icons";
import { LevelMeter } from "./meter";
import { mayCapture, whyNoDevice, type Studio } from "./studio";

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
    <section class="preview" aria-label="Preview">
      <div class={`preview-frame${source === "camera" ? " mirrored" : ""}`}>
        <video ref={video} muted playsInline aria-label="Your picture" />
        {!picture && (
          <div class="preview-empty">
            <p>{studio.micOn.value ? "Sound only. Add a picture:" : "What will people see?"}</p>
            <div class="row">
              <button type="button" class="button accent large" onClick={() => void open(() => studio.openCamera())}>
                <CameraIcon /> Camera
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
          onClick={() => (studio.micOn.value ? studio.setMic(false) : void open(async () => studio.setMic(true)))}
        >
          {studio.micOn.value ? <MicIcon /> : <MicOffIcon />} {studio.micOn.value ? "Microphone on" : "Microphone off"}
        </button>
        <LevelMeter studio={studio} />
        {picture && (
          <span class="row">
            {source !== "camera" && (
              <button type="button" class="button" onClick={() => void open(() => studio.openCamera())}>
                <CameraIcon /> Camera
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
      <ScreenIcon /> Screen
    </button>
  );
}

function Pickers({ studio, open }: Opens) {
  const { cameras, microphones } = studio.devices.value;
  if (cameras.length + microphones.length === 0) return null;
  return (
    <div class="two">
      <DevicePicker
        label="Camera"
        devices={cameras}
        value={studio.cameraId.value}
        onChange={(id) => void open(() => studio.chooseCamera(id))}
      />
      <DevicePicker
        label="Microphone"
        devices={microphones}
        value={studio.microphoneId.value}
        onChange={(id) => void open(() => studio.chooseMicrophone(id))}
      />
    </div>
  );
}

interface PickerProps {
  label: string;
  devices: MediaDeviceInfo[];
  value: string;
  onChange: (id: string) => void;
}

function DevicePicker({ label, devices, value, onChange }: PickerProps) {
  if (!devices.length) return null;
  const id = `device-${label.toLowerCase()}`;
  const known = devices.some((device) => device.deviceId === value) ? value : (devices[0]?.deviceId ?? "");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={known} onChange={(event) => onChange(event.currentTarget.value)}>
        {devices.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || `${label} ${index + 1}`}
          </option>
        ))}
      </select>
    </div>
  );
}

function Insecure() {
  return (
    <section class="panel">
      <h2>The camera needs a secure address</h2>
      <p>
        Browsers give a page the camera and the screen only over HTTPS, or on the machine that the server runs on
        (<span class="mono">http://localhost</span>). This page was opened at <span class="mono">{location.origin}</span>.
      </p>
      <ul class="steps plain">
        <li>Ask whoever runs this server to start it with a certificate (--tls-cert and --tls-key), then open its https address.</li>
        <li>Or broadcast with OBS or another encoder: that works right now, with the key of the other tab.</li>
      </ul>
    </section>
  );
}
