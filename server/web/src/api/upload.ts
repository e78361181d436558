/** A file as the body of a request, with its progress, of which fetch says nothing. */
import { problemOf, unreachable } from "./http";
import { accessToken, distrust, isOfToken } from "./session";

interface Upload {
  /** From 0 to 1. */
  onProgress: (share: number) => void;
  signal: AbortSignal;
  method?: "POST" | "PUT";
}

const TIMEOUT_MS = 120_000;

/** POST, or PUT, in the person's name under `/api/v1`. Throws ApiError; an abort by the caller is an AbortError. */
export async function upload<T>(path: string, file: Blob, options: Upload): Promise<T> {
  const token = await accessToken();
  try {
    return await once<T>(path, file, token, options);
  } catch (error) {
    if (!token || !isOfToken(error)) throw error;
    distrust(token);
    return once<T>(path, file, await accessToken(), options);
  }
}

function once<T>(path: string, file: Blob, token: string | null, { onProgress, signal, method = "POST" }: Upload): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open(method, `/api/v1${path}`);
    request.timeout = TIMEOUT_MS;
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText) as T);
      else void problemOf(answerOf(request)).then(reject);
    };
    request.onerror = request.ontimeout = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}

function answerOf(request: XMLHttpRequest): Response {
  const after = request.getResponseHeader("Retry-After");
  return new Response(request.responseText, {
    status: request.status,
    statusText: request.statusText,
    ...(after ? { headers: { "Retry-After": after } } : {}),
  });
}
