/** The pictures of a broadcast by time, from WebVTT whose cues name a part of a sheet. Without a browser. */
import { send } from "../../api/http";

export interface Moment {
  from: number;
  to: number;
  /** Relative to the WebVTT. */
  sheet: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const CUE = /^([\d:.]+) --> ([\d:.]+)[^\n]*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/gm;

const seconds = (text: string): number => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);

/** The cues in their order; what is no cue with a part of a picture is passed over. */
export function momentsOf(vtt: string): Moment[] {
  return [...vtt.replaceAll("\r\n", "\n").matchAll(CUE)].map(([, from = "", to = "", sheet = "", ...part]) => {
    const [x = 0, y = 0, width = 0, height = 0] = part.map(Number);
    return { from: seconds(from), to: seconds(to), sheet, x, y, width, height };
  });
}

/** The moment that is shown at a time; the last one a little beyond the end, as it grows while live. */
export function momentAt(moments: readonly Moment[], at: number): Moment | undefined {
  return moments.findLast(({ from, to }) => from <= at && at < to + (to - from));
}

/** Throws ApiError. */
export async function readMoments(url: string): Promise<Moment[]> {
  const response = await send(url, {});
  return response.ok ? momentsOf(await response.text()) : [];
}
