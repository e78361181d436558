/** The events of a community: those to come, and those that are over. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { PageList } from "../../ui/page-list";
import { Empty, Spinner } from "../../ui/parts";
import { calendarOf, type Community, type Event, eventsOf } from "./calls";
import { EventForm } from "./event-form";
import { mayModerate } from "./page";
import { t } from "./words";
import { leaf, span } from "./zones";

export function Events({ one }: { one: Community }) {
  const [isPast, setPast] = useState(false);
  const [isNew, setNew] = useState(false);
  const [list] = useState(() => new PageList<Event>());
  const begin = (): void => void list.begin((cursor) => eventsOf(one.name, isPast, cursor));
  useEffect(() => {
    begin();
    return () => list.close();
  }, [one.id, isPast]);
  const { items, next, failure } = list.state.value;
  return (
    <>
      <div class="communities-tools">
        <div class="row" role="group" aria-label={t("events")}>
          {[false, true].map((past) => (
            <button key={String(past)} type="button" class="button" aria-pressed={isPast === past} onClick={() => setPast(past)}>
              {t(past ? "past" : "coming")}
            </button>
          ))}
        </div>
        <div class="row">
          {one.access === "open" && (
            <a class="button" href={calendarOf(one.name)} download={`${one.name}.ics`} data-native>
              {t("subscribe")}
            </a>
          )}
          {mayModerate(one) && (
            <button type="button" class="button accent" onClick={() => setNew(true)}>
              {t("newEvent")}
            </button>
          )}
        </div>
      </div>
      {Boolean(failure) && <Empty title={sentence(failure)} />}
      {!items && !failure && <Spinner />}
      {items?.length === 0 && (
        <Empty title={t("noEvents")}>
          <p>{t("noEventsText")}</p>
        </Empty>
      )}
      {items && items.length > 0 && (
        <ol class="community-events">
          {items.map((event) => (
            <EventCard key={event.id} of={event} />
          ))}
        </ol>
      )}
      {next && (
        <button type="button" class="button more" onClick={() => void list.more()}>
          {t("more")}
        </button>
      )}
      {isNew && <EventForm name={one.name} onDone={() => setNew(false)} onSaved={begin} />}
    </>
  );
}

export function Leaf({ of: event }: { of: Event }) {
  const { day, month } = leaf(event.starts_at, event.time_zone);
  return (
    <span class="event-leaf" aria-hidden="true">
      <b>{day}</b>
      {month}
    </span>
  );
}

export function Goers({ of: event }: { of: Event }) {
  const { going, maybe } = event.counts;
  return (
    <span class="dim">
      {event.places === null ? t("goingCount", { n: going }) : t("goingOf", { n: going, places: event.places })}
      {maybe > 0 && ` · ${t("maybeCount", { n: maybe })}`}
    </span>
  );
}

function EventCard({ of: event }: { of: Event }) {
  return (
    <li class="event-card">
      <Leaf of={event} />
      <div class="community-text">
        <h3>
          <a href={`/c/${event.community}/events/${event.id}`} dir="auto">
            {event.title}
          </a>
        </h3>
        <time dateTime={event.starts_at}>{span(event.starts_at, event.ends_at, event.time_zone)}</time>
        {event.place && (
          <span class="dim" dir="auto">
            {event.place}
          </span>
        )}
        <Goers of={event} />
      </div>
    </li>
  );
}
