/** Announce an event, or change it. Times are those of the clocks of its time zone. */
import { useEffect, useRef } from "preact/hooks";
import { Field } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { changeEvent, type Event, makeEvent } from "./calls";
import { t } from "./words";
import { momentOf, ownZone, wallOf, zones } from "./zones";

interface Props {
  name: string;
  of?: Event;
  onDone: () => void;
  onSaved: (event: Event) => void;
}

const FIELDS = ["title", "description", "place", "time_zone", "starts_at", "ends_at", "places"];

function written(data: FormData) {
  const zone = textOf(data, "time_zone");
  const places = textOf(data, "places").trim();
  return {
    title: textOf(data, "title"),
    description: textOf(data, "description"),
    place: textOf(data, "place"),
    time_zone: zone,
    starts_at: momentOf(textOf(data, "starts_at"), zone) ?? "",
    ends_at: momentOf(textOf(data, "ends_at"), zone),
    places: places ? Number(places) : null,
  };
}

export function EventForm({ name, of: event, onDone, onSaved }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const { form, errors, busy, submit } = useSending(FIELDS, async (data) => {
    const body = written(data);
    onSaved(event ? await changeEvent(name, event.id, body) : await makeEvent(name, body));
    dialog.current?.close();
  });
  const zone = event?.time_zone ?? ownZone();
  const wall = (at: string | null | undefined): string => (at ? wallOf(Date.parse(at), zone) : "");
  return (
    <dialog class="dialog" ref={dialog} onClose={onDone} aria-labelledby="event-form">
      <h2 id="event-form">{t(event ? "changeEvent" : "newEvent")}</h2>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("titleField")} name="title" error={errors["title"]}>
          {(ids) => <input {...ids} name="title" maxLength={100} defaultValue={event?.title} dir="auto" autocomplete="off" />}
        </Field>
        <div class="event-times">
          <Field label={t("starts")} name="starts_at" error={errors["starts_at"]}>
            {(ids) => <input {...ids} type="datetime-local" name="starts_at" defaultValue={wall(event?.starts_at)} />}
          </Field>
          <Field label={t("ends")} name="ends_at" error={errors["ends_at"]}>
            {(ids) => <input {...ids} type="datetime-local" name="ends_at" defaultValue={wall(event?.ends_at)} />}
          </Field>
        </div>
        <Field label={t("zone")} name="time_zone" error={errors["time_zone"]}>
          {(ids) => (
            <select {...ids} name="time_zone">
              {[...new Set([zone, ...zones()])].map((one) => (
                <option key={one} value={one} selected={one === zone}>
                  {one.replaceAll("_", " ")}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("place")} name="place" error={errors["place"]}>
          {(ids) => <input {...ids} name="place" maxLength={300} defaultValue={event?.place} dir="auto" autocomplete="off" />}
        </Field>
        <Field label={t("places")} name="places" hint={t("placesHint")} error={errors["places"]}>
          {(ids) => <input {...ids} type="number" min={1} max={1000000} name="places" defaultValue={event?.places ?? ""} />}
        </Field>
        <Field label={t("description")} name="description" error={errors["description"]}>
          {(ids) => <textarea {...ids} name="description" rows={3} maxLength={2000} defaultValue={event?.description} dir="auto" />}
        </Field>
        <div class="row">
          <button type="submit" class="button accent" disabled={busy}>
            {t(event ? "save" : "announceEvent")}
          </button>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t("close")}
          </button>
        </div>
      </form>
    </dialog>
  );
}
