import { useEffect, useState } from "preact/hooks";
import { clipsOfPerson } from "../clips/calls";
import { ClipShelf } from "../clips/shelf";
import { ProfilePosts } from "../posts/tabs";
import { streamsOf } from "../streams/calls";
import { getUser } from "./calls";
import { ApiError, sentence } from "../../api/http";
import { me } from "../../api/session";
import type { Profile as Person, Stream } from "../../api/types";
import { GridSkeleton, StreamGrid } from "../streams/card";
import { month, sized } from "../../ui/format";
import { Avatar, Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { Missing } from "../../ui/missing";
import { ReportButton } from "../safety/button";
import "./people.css";
import { Follow } from "./follow";
import { t } from "./words";

/** What there is to see of a person: broadcasts that ended without a recording are left out. */
async function visibleOf(username: string): Promise<Stream[]> {
  const { items } = await streamsOf(username);
  return items.filter((stream) => stream.state !== "ended" || stream.playback.hls);
}

function Banner({ url }: { url: string }) {
  const [isThere, setThere] = useState(true);
  const widths = [600, 1500].map((width) => `${sized(url, width)} ${width}w`).join(", ");
  return isThere ? (
    <img class="profile-banner" src={url} srcset={widths} sizes="(max-width: 1200px) 100vw, 1200px" alt="" onError={() => setThere(false)} />
  ) : null;
}

function Links({ links }: { links: readonly string[] }) {
  return (
    <ul class="profile-links" aria-label={t("links")}>
      {links.map((link) => (
        <li key={link}>
          <a href={link} rel="me ugc nofollow noopener">
            <bdi>{link.replace(/^https?:\/\//, "").replace(/\/$/, "")}</bdi>
          </a>
        </li>
      ))}
    </ul>
  );
}

export default function Profile({ username }: { username: string }) {
  const [user, setUser] = useState<Person | null>(null);
  const [streams, setStreams] = useState<Stream[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(user ? user.display_name || user.username : `@${username}`);

  useEffect(() => {
    setUser(null);
    setStreams(null);
    setFailure(null);
    getUser(username).then(
      (found) => {
        setUser(found);
        visibleOf(found.username).then(setStreams, () => setStreams([]));
      },
      (error) => setFailure(error),
    );
  }, [username, me.value?.id]);

  if (failure instanceof ApiError && [400, 404, 422].includes(failure.status)) {
    return <Missing title={t("noSuchPerson")} text={t("noSuchPersonText", { name: `@${username}` })} />;
  }
  if (!user) {
    return (
      <div class="page centred">
        <PageTitle hidden>{`@${username}`}</PageTitle>
        {failure ? (
          <Empty title={t("notLoaded")}>
            <p>{sentence(failure)}</p>
          </Empty>
        ) : (
          <Spinner />
        )}
      </div>
    );
  }

  const countFollower = (following: boolean): void =>
    setUser({
      ...user,
      counts: { ...user.counts, followers: Math.max(0, user.counts.followers + (following ? 1 : -1)) },
      viewer: user.viewer && { ...user.viewer, following, requested: false },
    });
  const live = streams?.filter((stream) => stream.state === "live" || stream.state === "interrupted") ?? [];
  const others = streams?.filter((stream) => !live.includes(stream)) ?? [];
  return (
    <div class="page">
      {user.banner_url && <Banner key={user.banner_url} url={user.banner_url} />}
      <header class="profile">
        <Avatar of={user} size={104} />
        <div class="profile-text">
          <PageTitle>{user.display_name || user.username}</PageTitle>
          <p class="profile-name">
            <bdi>@{user.username}</bdi> · {t("hereSince", { month: month(user.created_at) })}
            {user.private && (
              <>
                {" "}
                · <span class="profile-private">{t("privateAccount")}</span>
              </>
            )}
          </p>
          {user.pronouns && <p class="dim"><bdi>{user.pronouns}</bdi></p>}
          {user.bio && <p class="prose">{user.bio}</p>}
          {user.links.length > 0 && <Links links={user.links} />}
          <p class="profile-counts">
            <span>{t("followers", { n: user.counts.followers })}</span>
            <span>{t("followingCount", { n: user.counts.following })}</span>
            <span>{t("broadcastCount", { n: user.counts.streams })}</span>
          </p>
        </div>
        {me.value?.id === user.id ? (
          <a class="button" href="/settings">
            {t("editProfile")}
          </a>
        ) : (
          <>
            <Follow username={user.username} onChange={countFollower} {...(user.viewer ? { of: user } : {})} />
            <ReportButton kind="person" id={user.id} />
          </>
        )}
      </header>
      {!streams && <GridSkeleton />}
      {live.length > 0 && (
        <section aria-labelledby="profile-live">
          <h2 id="profile-live" class="shelf-title">
            <span class="pulse" aria-hidden="true" /> {t("liveNow")}
          </h2>
          <StreamGrid streams={live} featureFirst />
        </section>
      )}
      {others.length > 0 && (
        <section aria-labelledby="profile-streams">
          <h2 id="profile-streams" class="shelf-title">
            {t("broadcasts")}
          </h2>
          <StreamGrid streams={others} />
        </section>
      )}
      <ClipShelf of={user.id} id="profile-clips" load={() => clipsOfPerson(user.username)} />
      <ProfilePosts username={user.username} name={user.display_name || user.username} />
    </div>
  );
}
