/** What was found, each kind as its card. */
import type { Found } from "./calls";
import { Avatar } from "../../ui/parts";
import { ClipCard } from "../clips/shelf";
import { Follow } from "../people/follow";
import { me } from "../../api/session";
import { StreamCard } from "../streams/card";
import { t } from "./words";

type Person = Extract<Found, { kind: "person" }>;

export function FoundList({ items }: { items: Found[] }) {
  const people = items.filter((one) => one.kind === "person");
  const others = items.filter((one) => one.kind !== "person");
  return (
    <>
      {people.length > 0 && (
        <ul class="search-people" aria-label={t("people")}>
          {people.map((person) => (
            <PersonCard key={person.id} person={person} />
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

function Card({ of: one }: { of: Exclude<Found, Person> }) {
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
