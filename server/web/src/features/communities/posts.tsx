/** What is posted in a community: pinned posts first, with what moderators may do. */
import { useState } from "preact/hooks";
import { me } from "../../api/session";
import { Empty } from "../../ui/parts";
import type { AnyPost, Post } from "../posts/calls";
import { PostCard } from "../posts/card";
import { Composer } from "../posts/composer";
import { PostList } from "../posts/list";
import type { MenuAct } from "../posts/menu";
import { type Community, postsOf, setPin, takeDown } from "./calls";
import { mayModerate } from "./page";
import { t } from "./words";

export function Posts({ one }: { one: Community }) {
  const [pinned, setPinned] = useState<Post[]>([]);
  const [round, setRound] = useState(0);
  const again = (): void => setRound((last) => last + 1);
  const read = async (cursor: string) => {
    const page = await postsOf(one.name, cursor);
    if (!cursor) setPinned(page.pinned);
    return cursor ? page : { ...page, items: page.items.filter(({ id }) => !page.pinned.some((pin) => pin.id === id)) };
  };
  const acts = mayModerate(one) ? (post: Post) => moderating(one.name, post, pinned.some(({ id }) => id === post.id), again) : undefined;
  const isMember = one.viewer?.state === "member";
  return (
    <>
      {isMember && me.value && <Composer community={one.name} isForMembers={one.access !== "open"} onSent={again} />}
      {pinned.length > 0 && (
        <section class="community-pins" aria-label={t("pinned")}>
          {pinned.map((post) => (
            <PostCard key={post.id} post={post} reason={t("pinned")} {...(acts && { acts })} />
          ))}
        </section>
      )}
      <PostList<AnyPost> of={`${one.name}/${one.viewer?.state}/${round}`} read={read} empty={<Empty title={t("noPosts")} />} {...(acts && { acts })} />
    </>
  );
}

function moderating(name: string, post: Post, isPinned: boolean, onDone: () => void): MenuAct[] {
  const pin = (isOn: boolean, announce = false) => (): Promise<void> => setPin(name, post.id, isOn, announce).then(onDone);
  const down = async (): Promise<string | null> => {
    const reason = prompt(t("takeDownWhy"));
    if (reason === null) return null;
    await takeDown(name, post, reason);
    onDone();
    return t("takenDown");
  };
  return [
    ...(isPinned
      ? [{ label: t("unpin"), act: () => pin(false)().then(() => t("unpinnedDone")) }]
      : [
          { label: t("pin"), act: () => pin(true)().then(() => t("pinnedDone")) },
          { label: t("announce"), act: () => pin(true, true)().then(() => t("pinnedDone")) },
        ]),
    ...(post.author.id === me.value?.id ? [] : [{ label: t("takeDown"), act: down }]),
  ];
}
