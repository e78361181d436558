import { call } from "../../api/session";
import type { ChatEntry, Page } from "../../api/types";

const part = encodeURIComponent;

/** Messages of a recording from a moment (seconds) or after an offset on, ascending. */
export async function replayChat(
  id: string,
  from: { mediaTimeS: number } | { sinceOffset: number },
): Promise<ChatEntry[]> {
  const where = "mediaTimeS" in from ? `media_time=${from.mediaTimeS.toFixed(3)}` : `since_offset=${from.sinceOffset}`;
  const page = await call<Page<ChatEntry>>(`/streams/${part(id)}/chat?${where}&limit=100`);
  return page.items;
}
