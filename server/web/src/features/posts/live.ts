/** A post that is looked at: its counters move as others act on it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, hear, onConnect } from "../../realtime/socket";
import { isDeleted, type AnyPost, type Post } from "./calls";

export interface Replies {
  /** How many have come since the page was loaded or `reset` was called. */
  count: number;
  reset: () => void;
}

export function useLivePost(post: AnyPost | undefined, onChange: (post: AnyPost) => void, reload: () => void): Replies {
  const [count, setCount] = useState(0);
  const latest = useRef<Post | null>(null);
  latest.current = post && !isDeleted(post) ? post : null;
  const id = post && !isDeleted(post) ? post.id : null;
  useEffect(() => {
    setCount(0);
    if (!id) return;
    const watch = (): void => void ask("post:watch", { post_id: id }).catch(() => undefined);
    const forget = [
      onConnect(watch),
      hear("post:changed", (changed) => {
        const held = latest.current;
        if (!held || changed.post_id !== id) return;
        if (changed.edited || changed.removed) return reload();
        if (changed.counts) {
          const more = changed.counts.replies - held.counts.replies;
          if (more > 0) setCount((before) => before + more);
          onChange({ ...held, counts: changed.counts });
        }
        if (changed.voters !== null && held.poll) onChange({ ...held, poll: { ...held.poll, voters: changed.voters } });
      }),
    ];
    return () => {
      for (const one of forget) one();
      void ask("post:unwatch", { post_id: id }).catch(() => undefined);
    };
  }, [id]);
  return { count, reset: () => setCount(0) };
}
