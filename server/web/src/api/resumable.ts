/** Files that arrive in pieces by tus: after a break, or a reload of the page, the rest is sent. */
import { problemOf } from "./http";
import { accessToken, call } from "./session";
import type { Answer } from "./types";

export type Uploaded = Answer<"getUpload">;

interface Options {
  /** From 0 to 1. */
  onProgress: (share: number) => void;
  signal: AbortSignal;
}

const ENDPOINT = "/api/v1/uploads";
const RETRY_MS = [0, 1000, 3000, 10_000, 30_000];
const LOOK_MS = [200, 400, 800, 1500, 3000];

/** Send a file and wait until it may be used. Throws ApiError; a refused file is an upload in the state `refused`. */
export async function sendFile(file: File, { onProgress, signal }: Options): Promise<Uploaded> {
  const id = await sent(file, { onProgress, signal });
  for (let look = 0; ; look++) {
    const upload = await call<Uploaded>(`/uploads/${id}`, { signal });
    if (upload.state === "ready" || upload.state === "refused") return upload;
    await pause(LOOK_MS[Math.min(look, LOOK_MS.length - 1)] ?? 3000, signal);
  }
}

/** The id of the upload that has all of the file. */
async function sent(file: File, { onProgress, signal }: Options): Promise<string> {
  const { Upload, DetailedError } = await import("tus-js-client");
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const upload = new Upload(file, {
      endpoint: ENDPOINT,
      retryDelays: RETRY_MS,
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name, filetype: file.type },
      onBeforeRequest: async (request) => {
        const token = await accessToken();
        if (token) request.setHeader("Authorization", `Bearer ${token}`);
      },
      onProgress: (done, total) => onProgress(total ? done / total : 0),
      onSuccess: () => resolve((upload.url ?? "").replace(/.*\//, "")),
      onError: (error) => {
        const answer = error instanceof DetailedError ? error.originalResponse : null;
        if (!answer) return reject(error);
        void problemOf(new Response(answer.getBody(), { status: answer.getStatus() })).then(reject);
      },
    });
    signal.addEventListener("abort", () => void upload.abort(true).then(() => reject(new DOMException("", "AbortError"))), { once: true });
    void upload.findPreviousUploads().then(([last]) => {
      if (last) upload.resumeFromPreviousUpload(last);
      upload.start();
    });
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("", "AbortError"));
    }, { once: true });
  });
}
