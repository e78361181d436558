/**
 * The sources of a broadcast from the browser: one picture (camera or screen) and one sound, mixed from the
 * microphone and what the shared screen plays.
 */
import { signal } from "@preact/signals";
import { t } from "./words";

export type Source = "none" | "camera" | "screen";

export interface Devices {
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
}

const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
};
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export class Studio {
  readonly source = signal<Source>("none");
  readonly devices = signal<Devices>({ cameras: [], microphones: [] });
  readonly cameraId = signal("");
  readonly microphoneId = signal("");
  readonly micOn = signal(false);
  /** The picture as it is sent, for the preview. */
  readonly picture = signal<MediaStreamTrack | null>(null);
  onPicture: ((track: MediaStreamTrack | null) => void) | null = null;

  #context: AudioContext | null = null;
  #mix: MediaStreamAudioDestinationNode | null = null;
  #analyser: AnalyserNode | null = null;
  #mic: { track: MediaStreamTrack; gain: GainNode } | null = null;
  #screenSound: MediaStreamAudioSourceNode | null = null;
  #refreshDevices = (): void => void this.#listDevices();

  constructor() {
    navigator.mediaDevices?.addEventListener("devicechange", this.#refreshDevices);
  }

  close(): void {
    navigator.mediaDevices?.removeEventListener("devicechange", this.#refreshDevices);
    this.#setPicture(null, "none");
    this.#mic?.track.stop();
    this.#mic = null;
    this.micOn.value = false;
    void this.#context?.close();
    this.#context = null;
  }

  /** Camera and microphone together, so that the browser asks once; a missing camera leaves the sound, and the other way. */
  async openCamera(): Promise<void> {
    const wanted = { video: this.#cameraWish(), audio: this.#mic ? false : this.#microphoneWish() };
    const media = await firstOf([wanted, { video: wanted.video }, ...(wanted.audio ? [{ audio: wanted.audio }] : [])]);
    const [video, audio] = [media.getVideoTracks()[0], media.getAudioTracks()[0]];
    if (video) {
      video.contentHint = "motion";
      this.#setPicture(video, "camera");
    }
    if (audio) this.#useMicrophone(audio);
    await this.#listDevices();
  }

  async openMicrophone(): Promise<void> {
    const media = await navigator.mediaDevices.getUserMedia({ audio: this.#microphoneWish() });
    const track = media.getAudioTracks()[0];
    if (track) this.#useMicrophone(track);
    await this.#listDevices();
  }

  async openScreen(): Promise<void> {
    const media = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30, max: 30 } }, audio: true });
    const video = media.getVideoTracks()[0];
    if (!video) return;
    video.contentHint = "detail";
    video.addEventListener("ended", () => {
      if (this.picture.peek() === video) this.#setPicture(null, "none");
    });
    this.#setPicture(video, "screen");
    if (media.getAudioTracks().length) this.#useScreenSound(media);
  }

  async chooseCamera(id: string): Promise<void> {
    this.cameraId.value = id;
    if (this.source.peek() !== "camera") return;
    // Phones open one camera at a time.
    this.picture.peek()?.stop();
    await this.openCamera();
  }

  async chooseMicrophone(id: string): Promise<void> {
    this.microphoneId.value = id;
    if (this.#mic) await this.openMicrophone();
  }

  /** Opens the microphone if it is not open yet. */
  async turnMicOn(): Promise<void> {
    if (!this.#mic) return this.openMicrophone();
    this.#mic.gain.gain.value = 1;
    this.micOn.value = true;
  }

  /** It stays open, and silence is sent. */
  turnMicOff(): void {
    if (this.#mic) this.#mic.gain.gain.value = 0;
    this.micOn.value = false;
  }

  /** Sends no picture any more; the camera's light goes out. */
  closePicture(): void {
    this.#setPicture(null, "none");
  }

  /** What is sent: the picture if there is one, and always one track of sound. */
  output(): MediaStream {
    const { mix } = this.#audio();
    const picture = this.picture.peek();
    return new MediaStream([...mix.stream.getAudioTracks(), ...(picture ? [picture] : [])]);
  }

  /** Loudness of the mix between 0 (silence, -60 dB) and 1 (full scale). */
  level(): number {
    if (!this.#analyser) return 0;
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / samples.length + 1e-9);
    return Math.min(1, Math.max(0, (decibels + 60) / 60));
  }

  #cameraWish(): MediaTrackConstraints {
    const id = this.cameraId.peek();
    return id ? { ...CAMERA, deviceId: { exact: id } } : CAMERA;
  }

  #microphoneWish(): MediaTrackConstraints {
    const id = this.microphoneId.peek();
    return id ? { ...MICROPHONE, deviceId: { exact: id } } : MICROPHONE;
  }

  #audio(): { context: AudioContext; mix: MediaStreamAudioDestinationNode; analyser: AnalyserNode } {
    if (!this.#context || !this.#mix || !this.#analyser) {
      this.#context = new AudioContext({ latencyHint: "interactive" });
      this.#mix = this.#context.createMediaStreamDestination();
      this.#analyser = this.#context.createAnalyser();
      this.#analyser.fftSize = 1024;
    }
    void this.#context.resume();
    return { context: this.#context, mix: this.#mix, analyser: this.#analyser };
  }

  #useMicrophone(track: MediaStreamTrack): void {
    this.#mic?.track.stop();
    this.#mic?.gain.disconnect();
    const { context, mix, analyser } = this.#audio();
    const gain = context.createGain();
    context.createMediaStreamSource(new MediaStream([track])).connect(gain);
    gain.connect(mix);
    gain.connect(analyser);
    this.#mic = { track, gain };
    this.micOn.value = true;
  }

  #useScreenSound(media: MediaStream): void {
    this.#dropScreenSound();
    const { context, mix, analyser } = this.#audio();
    this.#screenSound = context.createMediaStreamSource(media);
    this.#screenSound.connect(mix);
    this.#screenSound.connect(analyser);
  }

  #setPicture(track: MediaStreamTrack | null, source: Source): void {
    const before = this.picture.peek();
    if (before !== track) before?.stop();
    if (source !== "screen") this.#dropScreenSound();
    this.picture.value = track;
    this.source.value = source;
    this.onPicture?.(track);
  }

  #dropScreenSound(): void {
    this.#screenSound?.disconnect();
    for (const track of this.#screenSound?.mediaStream.getTracks() ?? []) track.stop();
    this.#screenSound = null;
  }

  async #listDevices(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.devices.value = {
      cameras: all.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId),
      microphones: all.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId),
    };
  }
}

/** The first of these wishes that the machine can fulfil. A person's "no" ends the asking. */
async function firstOf(wishes: MediaStreamConstraints[]): Promise<MediaStream> {
  let last: unknown;
  for (const wish of wishes) {
    try {
      return await navigator.mediaDevices.getUserMedia(wish);
    } catch (error) {
      last = error;
      if (error instanceof DOMException && error.name === "NotAllowedError") throw error;
    }
  }
  throw last;
}

/** Why there is no camera, for people. */
export function whyNoDevice(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return t("notAllowed");
  if (name === "NotFoundError") return t("noDevice");
  if (name === "NotReadableError") return t("inUse");
  return t("notOpened");
}

/** Browsers give cameras and screens to secure pages only. */
export const mayCapture = (): boolean => window.isSecureContext && Boolean(navigator.mediaDevices);
