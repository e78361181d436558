/** What is being written, kept on this device until it is sent. Without a browser, but for where it is kept. */
import { recall, remember } from "../../ui/remember";
import type { NewPost, Post } from "./calls";

/** A picture that has been uploaded; one that was kept may have gone since. */
export interface Picture {
  id: string;
  preview: string;
  alt: string;
}

export interface Draft {
  text: string;
  warning: string | null;
  visibility: NonNullable<NewPost["visibility"]>;
  poll: { options: string[]; seconds: number; multiple: boolean } | null;
  /** As `datetime-local` has it; empty: now. */
  publishAt: string;
  pictures: Picture[];
}

export const MAX_PICTURES = 10;
export const EMPTY: Draft = { text: "", warning: null, visibility: "public", poll: null, publishAt: "", pictures: [] };
const VISIBILITIES: readonly string[] = ["public", "followers", "mentioned", "community"];

export const isEmpty = (draft: Draft): boolean => !draft.text.trim() && !draft.warning && !draft.poll && !draft.pictures.length;

/** What is sent of it. */
export function bodyOf(draft: Draft, to: { replyTo?: string | undefined; quote?: Post | undefined; community?: string | undefined; lang?: string }): NewPost {
  const options = draft.poll?.options.map((one) => one.trim()).filter(Boolean) ?? [];
  return {
    text: draft.text,
    ...(draft.visibility === "public" ? {} : { visibility: draft.visibility }),
    ...(draft.warning ? { content_warning: draft.warning } : {}),
    ...(draft.poll ? { poll: { options, seconds: draft.poll.seconds, multiple: draft.poll.multiple } } : {}),
    ...(draft.pictures.length ? { media: draft.pictures.map(({ id, alt }) => ({ upload_id: id, alt: alt.trim() })) } : {}),
    ...(draft.publishAt ? { publish_at: new Date(draft.publishAt).toISOString() } : {}),
    ...(to.replyTo ? { reply_to: to.replyTo } : {}),
    ...(to.community ? { community: to.community } : {}),
    ...(to.quote ? { quote_of: to.quote.id } : {}),
  };
}

/** What was kept, whatever is there: another version of the page may have written it. */
export function parsed(kept: string | null): Draft {
  try {
    const given: unknown = JSON.parse(kept ?? "{}");
    const found: Draft = { ...EMPTY, ...(typeof given === "object" ? given : {}) };
    const isSound = typeof found.text === "string" && VISIBILITIES.includes(found.visibility) && typeof found.publishAt === "string" && Array.isArray(found.pictures);
    return isSound && (found.poll === null || Array.isArray(found.poll.options)) ? found : EMPTY;
  } catch {
    return EMPTY;
  }
}

const keyOf = (of: string): string => `draft-${of}`;

export const recallDraft = (of: string): Draft => parsed(recall(keyOf(of)));
export const keepDraft = (of: string, draft: Draft): void => remember(keyOf(of), isEmpty(draft) ? null : JSON.stringify(draft));
