/** What an act makes of a post before the server has answered, without a browser. */
import type { Post } from "./calls";

export function withReaction(post: Post, emoji: string, isOn: boolean): Post {
  const { viewer, counts } = post;
  if (!viewer || viewer.reactions.includes(emoji) === isOn) return post;
  const count = (counts.reactions[emoji] ?? 0) + (isOn ? 1 : -1);
  const { [emoji]: _, ...others } = counts.reactions;
  return {
    ...post,
    viewer: { ...viewer, reactions: isOn ? [...viewer.reactions, emoji] : viewer.reactions.filter((one) => one !== emoji) },
    counts: { ...counts, reactions: count > 0 ? { ...others, [emoji]: count } : others },
  };
}

export function withRepost(post: Post, isOn: boolean): Post {
  const { viewer, counts } = post;
  if (!viewer || viewer.reposted === isOn) return post;
  return { ...post, viewer: { ...viewer, reposted: isOn }, counts: { ...counts, reposts: Math.max(0, counts.reposts + (isOn ? 1 : -1)) } };
}

export const withBookmark = (post: Post, isOn: boolean): Post =>
  post.viewer ? { ...post, viewer: { ...post.viewer, bookmarked: isOn } } : post;

/** Share of each option among those who have voted, in percent; null while the result is hidden. */
export function shares(poll: NonNullable<Post["poll"]>): number[] | null {
  const votes = poll.options.map((option) => option.votes);
  if (votes.some((count) => count === null)) return null;
  return votes.map((count) => (poll.voters ? Math.round(((count ?? 0) / poll.voters) * 100) : 0));
}

/** Reactions, the most frequent first. */
export const ranked = (reactions: Record<string, number>): [string, number][] =>
  Object.entries(reactions).sort(([a, n], [b, m]) => m - n || a.localeCompare(b));
