/** What was found, each kind as its card. */
import type { Found } from "./calls";
import { Avatar } from "../../ui/parts";
import { ClipCard } from "../clips/shelf";
import { CommunityCard } from "../communities/card";
import { Follow } from "../people/follow";
import { me } from "../../api/session";
import { PostCard } from "../posts/card";
import { StreamCard } from "../streams/card";
import { t } from "./words";

type Post = Extract<Found, { kind: "post" }>;
type Community = Extract<Found, { kind: "community" }>;
type Person = Extract<Found, { kind: "person" }>;

export function FoundList({ items }: { items: Found[] }) {
  const people = items.filter((one) => one.kind === "person");
  const posts = items.filter((one) => one.kind === "post");
  const communities = items.filter((one) => one.kind === "community");
  const others = items.filter((one) => one.kind !== "person" && one.kind !== "post" && one.kind !== "community");
  return (
    <>
      {people.length > 0 && (
        <ul class="search-people" aria-label={t("people")}>
          {people.map((person) => (
            <PersonCard key={person.id} person={person} />
          ))}
        </ul>
      )}
      {communities.length > 0 && (
        <ul class="communities-grid" aria-label={t("communities")}>
          {communities.map((one) => (
            <CommunityCard key={one.id} of={one} />
          ))}
        </ul>
      )}
      {posts.length > 0 && (
        <ul class="post-list search-posts" aria-label={t("posts")}>
          {posts.map((post) => (
            <li key={post.id}>
              <PostCard post={post} />
            </li>
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <ul class="grid">
          {others.map((one) => (
            <Card key={`${one.kind} ${one.id}`} of={one} />
          ))}
        </ul>
      )}
    </>
  );
}

function Card({ of: one }: { of: Exclude<Found, Person | Post | Community> }) {
  if (one.kind === "clip") return <ClipCard clip={one} />;
  return <StreamCard stream={one} />;
}

function PersonCard({ person }: { person: Person }) {
  return (
    <li class="search-person">
      <Avatar of={person} size={48} />
      <div class="search-person-text">
        <h3>
          <a href={`/@${person.username}`}>
            <bdi>{person.display_name || person.username}</bdi>
          </a>{" "}
          {person.live_stream_id && (
            <a class="badge badge-live" href={`/watch/${person.live_stream_id}`}>
              {t("live")}
            </a>
          )}
        </h3>
        <p class="dim">
          <bdi>@{person.username}</bdi> · {t("followers", { n: person.followers })}
        </p>
        {person.bio && (
          <p class="search-person-bio" dir="auto">
            {person.bio}
          </p>
        )}
      </div>
      {me.value?.id !== person.id && <Follow username={person.username} />}
    </li>
  );
}
