/** One event: when and where, who goes, and whether one goes oneself. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { navigate } from "../../router";
import { PageTitle, useTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { type Attendance, attendeesOf, calendarOf, deleteEvent, type Event, getEvent, setAttendance } from "./calls";
import { EventForm } from "./event-form";
import { Goers, Leaf } from "./events";
import { People } from "./members";
import { mayModerate, Unread, useCommunity } from "./page";
import { t } from "./words";
import "./communities.css";
import { ownZone, span } from "./zones";

const ANSWERS = ["going", "maybe", "no"] as const;

export default function EventPage({ name, eventId }: { name: string; eventId: string }) {
  const { one, failure } = useCommunity(name);
  const [event, setEvent] = useState<Event | null>(null);
  const [missing, setMissing] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const [isChanging, setChanging] = useState(false);
  const read = (): Promise<void> => getEvent(name, eventId).then(setEvent, setMissing);
  useEffect(() => {
    setEvent(null);
    setMissing(null);
    void read();
  }, [name, eventId, me.value?.id]);
  useTitle(event?.title ?? t("events"));
  if (!one || !event) return <Unread failure={failure ?? missing} title={t("noEvent")} />;
  const answer = (state: Attendance): void =>
    void attempt(async () => {
      await setAttendance(name, eventId, event.viewer?.state === state ? null : state);
      await read();
      setRound((last) => last + 1);
    });
  const callOff = (): void => {
    if (!confirm(t("callOffSure"))) return;
    void attempt(async () => {
      await deleteEvent(name, eventId);
      toast(t("calledOff"), "good");
      navigate(`/c/${name}/events`);
    });
  };
  const isOver = Date.parse(event.ends_at ?? event.starts_at) < Date.now();
  return (
    <div class="page narrow community">
      <p>
        <a href={`/c/${one.name}/events`} dir="auto">
          {one.title} · {t("allEvents")}
        </a>
      </p>
      <header class="community-head">
        <Leaf of={event} />
        <div class="community-text">
          <PageTitle>
            <span dir="auto">{event.title}</span>
          </PageTitle>
          <time dateTime={event.starts_at}>{span(event.starts_at, event.ends_at, event.time_zone)}</time>
          {event.time_zone !== ownZone() && <span class="dim">{t("yourTime", { when: span(event.starts_at, event.ends_at, ownZone()) })}</span>}
          {event.place && <span dir="auto">{event.place}</span>}
          <Goers of={event} />
        </div>
      </header>
      {event.viewer && !isOver && (
        <div class="row" role="group" aria-label={t("answer")}>
          {ANSWERS.map((state) => (
            <button key={state} type="button" class="button" aria-pressed={event.viewer?.state === state} onClick={() => answer(state)}>
              {t(state)}
            </button>
          ))}
        </div>
      )}
      {event.description && (
        <p class="prose" dir="auto">
          {event.description}
        </p>
      )}
      <div class="row">
        {one.access === "open" && (
          <a class="button" href={calendarOf(one.name, event.id)} download="event.ics" data-native>
            {t("calendar")}
          </a>
        )}
        {mayModerate(one) && (
          <>
            <button type="button" class="button" onClick={() => setChanging(true)}>
              {t("change")}
            </button>
            <button type="button" class="button danger" onClick={callOff}>
              {t("callOff")}
            </button>
          </>
        )}
      </div>
      {(["going", "maybe"] as const).map((state) => (
        <section key={state}>
          <h2 class="shelf-title">{t(state === "going" ? "whoGoes" : "whoMay")}</h2>
          <People of={`${eventId}/${round}`} read={(cursor) => attendeesOf(name, eventId, state, cursor)} empty={t("nobody")} label={t(state === "going" ? "whoGoes" : "whoMay")}>
            {() => null}
          </People>
        </section>
      ))}
      {isChanging && <EventForm name={name} of={event} onDone={() => setChanging(false)} onSaved={setEvent} />}
    </div>
  );
}
