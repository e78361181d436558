"""The features of the product: ``install`` is the one list, in the order of the layers, the lowest first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from server.feature import Feature, PersonalData, Platform
from server.features import streams
from server.features.commerce import ads
from server.features.delivery import notifications
from server.features.discovery import recommendations, search, trends
from server.features.discovery.search.folding import folded, lexemes
from server.features.insight import analytics, experiments, models
from server.features.integrations import api_tokens, overlays, webhooks
from server.features.messages import calls, conversations
from server.features.messages.conversations import Attachments
from server.features.money import ledger, memberships, payments, payouts
from server.features.money.memberships import InRoom
from server.features.operations import audit, cluster, facts, jobs, mail, objects, overview
from server.features.operations.nodes import NodesAsked
from server.features.people import (
    accounts,
    exports,
    factors,
    hidden_words,
    oauth,
    passkeys,
    pictures,
    profile_previews,
    profiles,
    relations,
)
from server.features.people.accounts import Accounts, AccountsRoom
from server.features.people.accounts.passwords import Passwords
from server.features.people.audience import Audience
from server.features.rooms import pool
from server.features.rooms.build import build as build_rooms
from server.features.safety import cases, screening
from server.features.settings import FeatureSettings
from server.features.social import communities, feed, posts
from server.features.social.posts import PostsRoom, Topics
from server.features.town import assistant, courses, local, market, projects, wellbeing
from server.features.town import help as help_room
from server.features.town.switch import switched
from server.features.videos import (
    captions,
    clips,
    embeds,
    highlights,
    library,
    markers,
    metadata,
    recordings,
    restreams,
    sources,
    stage,
    uploads,
    works,
)
from server.features.videos.library.listing import Listing
from server.features.videos.restreams import RestreamsRoom
from server.features.videos.sources import SourcesRoom
from server.features.videos.uploads import Uploads
from server.http.encryption import Encryption
from server.http.identity import Identity
from server.live.addresses import MediaAddresses
from server.live.departure import Departure
from server.live.footage import FootageFinder
from server.live.ice_servers import IceServers
from server.live.viewings import Viewer, Viewings
from server.outbound.mail import open_mail
from server.outbound.public_addresses import PublicAddresses
from server.outbound.settings import Site, sender_of
from storage.facts import Facts
from storage.members import Member
from storage.rights import RightsTable
from storage.stream_titles import StreamTitles


@dataclass(frozen=True, kw_only=True)
class Core:
    """What the live core has that features lean on."""

    identity: Identity
    departure: Departure
    rights: RightsTable
    facts: Facts
    members: Callable[[], Mapping[str, Member]]
    owners: cluster.Owners
    when_rights_changed: Callable[[], Awaitable[None]]
    footage: FootageFinder
    addresses: MediaAddresses
    viewings: Viewings
    ice: IceServers
    topics: Topics
    in_room: InRoom


@dataclass(frozen=True, kw_only=True)
class Installed:
    platform: Platform
    features: Sequence[Feature]
    people: AccountsRoom
    restreams: RestreamsRoom
    sources: SourcesRoom
    posts: PostsRoom
    passwords: Passwords
    uploads: Uploads
    attachments: Attachments

    @property
    def accounts(self) -> Accounts:
        return self.people.accounts


def install(
    platform: Platform,
    *,
    core: Core,
    settings: FeatureSettings,
    passwords: Passwords,
    site: Site,
    is_https: bool,
) -> Installed:
    """Every feature of a node but those of the live core, which come with its media and sockets."""

    def personal_data() -> list[PersonalData]:
        return [one.personal_data for one in features if one.personal_data is not None]

    nodes = NodesAsked(node=platform.node, members=core.members)
    measuring = analytics.recording(platform)
    doing = recommendations.Acts(db=platform.db, now=platform.now)

    async def watched(video: library.VideoRow, viewer: Viewer, address: str) -> None:
        measuring.audience.plays(video, viewer, address)
        if viewer.id is not None:
            await doing.watched_video(video.id, video.owner_id, viewer.id)

    outgoing = open_mail(
        db=platform.db,
        jobs=platform.jobs,
        ids=platform.ids,
        clock=platform.node.clock,
        settings=settings,
        site=site,
    )
    changed = core.when_rights_changed
    encryption = Encryption(
        database=platform.db, secrets_key=settings.secrets_key, other_secrets_key=settings.other_secrets_key
    )
    known_models = models.build(platform)
    trying = experiments.build(platform)
    tastes = {
        name: known_models.registry.declare(name, summary=summary, fallback=recommendations.FALLBACK)
        for name, summary in recommendations.MODELS.items()
    }
    people = accounts.build(
        platform,
        settings=settings,
        identity=core.identity,
        passwords=passwords,
        mail=outgoing,
        is_https=is_https,
        personal_data=personal_data,
        when_changed=changed,
    )
    hiding = hidden_words.build(platform, settings=settings)
    books = ledger.build(platform)
    paying = payments.build(platform, settings=settings, ledger=books.ledger)
    subscribing = memberships.build(
        platform, settings=settings, paying=paying, in_room=core.in_room, mails=people.mails, site=site
    )
    uploading = uploads.build(platform, settings=settings)
    clipping = clips.build(
        platform, settings=settings, footage=core.footage, addresses=core.addresses, viewings=core.viewings
    )
    recorded = recordings.build(platform, settings=settings, addresses=core.addresses, viewings=core.viewings)
    videos = library.build(
        platform,
        settings=settings,
        uploads=uploading.uploads,
        addresses=core.addresses,
        when_changed=changed,
        watched=watched,
        trims=recorded.trims,
    )
    restreaming = restreams.build(platform, settings=settings, encryption=encryption)
    fetching = sources.build(platform, settings=settings, encryption=encryption)
    rooms = build_rooms(
        platform,
        settings=settings,
        payments=paying.payments,
        subscriptions=subscribing.subscriptions,
        site=site,
    )
    posting = posts.build(
        platform,
        settings=settings,
        topics=core.topics,
        streams=StreamTitles(),
        site=site,
        uploads=uploading.uploads,
        communities=communities.CommunityGate(),
        addresses=core.addresses,
        videos=library.VideoCards(addresses=core.addresses),
        reencode=pictures.reencoder(max_pixels=settings.max_picture_pixels, max_frames=1).reencode,
    )
    talking = conversations.build(platform, settings=settings, uploads=uploading.uploads, when_changed=changed)
    notifying = notifications.build(
        platform,
        settings=settings,
        audience=Audience(),
        streams=StreamTitles(),
        posts=posting.posts,
        conversations=talking.conversations,
        communities=communities.CommunityLookups(),
        orders=market.OrderTitles(),
        matches=works.MatchTitles(),
        hours=wellbeing.GuardianHours(now=platform.now),
        encryption=encryption,
        mail=outgoing,
        site=site,
        addresses=PublicAddresses(allow_private=settings.allow_private_targets),
        needs_verified=settings.require_verified_email,
        operator=sender_of(settings, origin=site.origin),
    )
    text_model = known_models.registry.declare(
        screening.NAME,
        summary=screening.SUMMARY,
        fallback=screening.FALLBACK,
        shipped=[
            models.Shipped(version=one.version, measures=one.measures, load=one.load) for one in screening.shipped()
        ],
    )
    judging = cases.build(
        platform, posts=posting.posts, suspensions=people.suspensions, encryption=encryption, when_changed=changed
    )
    listing = Listing(library=videos.library, addresses=core.addresses)
    screened = screening.build(platform, settings=settings, cases=judging, versions=text_model)
    finding = search.build(
        platform,
        addresses=core.addresses,
        clips=clipping,
        posts=posting.posts,
        communities=communities.CommunityLookups(),
    )
    selling = market.build(
        platform,
        settings=settings,
        payments=paying.payments,
        uploads=uploading.uploads,
        addresses=core.addresses,
        most_paid=settings.max_payment,
        site=site,
        fold=folded,
    )
    helping = help_room.build(
        platform,
        settings=settings,
        gatherings=talking.membership,
        words=lexemes,
        when_changed=changed,
    )
    features = [
        people.feature,
        factors.build(platform, encryption=encryption, people=people, server_name=site.name),
        passkeys.build(platform, people=people, site=site),
        oauth.build(platform, people=people, mail=outgoing, site=site, providers=oauth.providers_of(settings)),
        relations.build(platform, settings=settings, when_changed=changed),
        hiding.feature,
        profiles.build(platform, settings=settings, when_changed=changed),
        profile_previews.build(platform),
        pictures.build(platform, settings=settings, when_changed=changed).feature,
        streams.build(platform, departure=core.departure, rights=core.rights),
        books.feature,
        paying.feature,
        subscribing.feature,
        payouts.build(
            platform, settings=settings, ledger=books.ledger, paying=paying, encryption=encryption, site=site
        ),
        pool.build(platform, settings=settings, ledger=books.ledger),
        uploading.feature,
        videos.feature,
        clipping.feature,
        markers.build(platform, footage=core.footage, addresses=core.addresses),
        captions.build(platform, addresses=core.addresses),
        highlights.build(platform, addresses=core.addresses),
        metadata.build(platform, footage=core.footage, addresses=core.addresses),
        recorded.feature,
        works.build(platform, settings=settings, videos=videos.claims, recordings=recorded.mutes, when_changed=changed),
        restreaming.feature,
        fetching.feature,
        stage.build(platform, site=site, ice=core.ice),
        embeds.build(platform, site=site, clips=clipping.preview),
        calls.build(platform, ice=core.ice, apart=core.rights.apart),
        talking.feature,
        *rooms.features,
        posting.feature,
        communities.build(
            platform,
            settings=settings,
            posts=posting.posts,
            site=site,
            addresses=core.addresses,
            when_changed=changed,
        ),
        feed.build(platform, settings=settings, posts=posting.posts, addresses=core.addresses),
        ads.build(
            platform,
            settings=settings,
            is_on="ads" in settings.rooms,
            payments=paying.payments,
            ledger=books.ledger,
            seals=core.identity,
            addresses=core.addresses,
            footage=core.footage,
            site=site,
        ),
        switched(
            projects.build(platform, settings=settings, topics=core.topics, when_changed=changed),
            "projects",
            settings.rooms,
        ),
        switched(
            courses.build(
                platform,
                settings=settings,
                payments=paying.payments,
                site=site,
                invitations=calls.Invitations(node=platform.node, seals=core.identity),
                when_changed=changed,
            ),
            "courses",
            settings.rooms,
        ),
        finding.feature,
        trends.build(platform, settings=settings),
        recommendations.build(
            platform,
            addresses=core.addresses,
            posts=posting.posts,
            videos=listing.listed,
            models=tastes,
            experiments=trying.experiments,
        ),
        analytics.build(platform, told=measuring, mood=screened.mood),
        known_models.feature,
        trying.feature,
        judging.feature,
        screened.feature,
        notifying.feature,
        switched(
            selling.feature,
            "market",
            settings.rooms,
            goes_on=True,
        ),
        switched(
            helping.feature,
            "help",
            settings.rooms,
        ),
        switched(
            assistant.build(
                platform,
                settings=settings,
                rooms=settings.rooms,
                articles=helping.articles,
                tickets=helping.tickets,
                orders=selling.orders,
                finds=finding.finding,
                words=lexemes,
                addresses=core.addresses,
                site_name=site.name,
            ),
            "assistant",
            settings.rooms,
        ),
        switched(wellbeing.build(platform, quiet=notifying.preferences), "wellbeing", settings.rooms),
        switched(local.build(platform, settings=settings, fold=folded), "local", settings.rooms),
        api_tokens.build(platform, identity=core.identity, people=people),
        webhooks.build(
            platform,
            settings=settings,
            encryption=encryption,
            mails=people.mails,
            notify=notifying.notify,
            poll=rooms.poll,
            prediction=rooms.prediction,
            tip=rooms.tip,
            subscription=subscribing.subscriptions.one,
        ),
        overlays.build(platform, identity=core.identity, encryption=encryption, site=site),
        audit.build(platform),
        mail.build(platform, mail=outgoing),
        jobs.build(platform),
        objects.build(platform, settings=settings),
        facts.build(facts=core.facts),
        cluster.build(nodes=nodes, owners=core.owners),
        overview.build(
            platform,
            nodes=nodes,
            facts=core.facts,
            has_mail_server=settings.smtp_url is not None,
            site=site,
        ),
    ]
    archives = exports.build(
        platform, settings=settings, people=people, identity=core.identity, personal_data=personal_data()
    )
    features.append(archives)
    return Installed(
        platform=platform,
        features=features,
        people=people,
        restreams=restreaming,
        sources=fetching,
        posts=posting,
        passwords=passwords,
        uploads=uploading.uploads,
        attachments=talking.attachments,
    )
