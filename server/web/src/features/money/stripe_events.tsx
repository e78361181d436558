/** What Stripe has posted, and carrying it out again. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago, when } from "../../ui/format";
import { Field } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { replayEvent, stripeEvents, type StripeEvent } from "./calls";
import { t } from "./words";

const STATES = { waiting: "waiting", done: "done", ignored: "ignored", failed: "eventFailed" } as const;

export function StripeEvents() {
  const [state, setState] = useState("");
  const [events, setEvents] = useState<StripeEvent[]>([]);
  const ask = async (): Promise<void> => {
    try {
      setEvents((await stripeEvents(state)).items);
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  useEffect(() => void ask(), [state]);
  return (
    <section class="panel" aria-labelledby="money-events">
      <h2 id="money-events">{t("events")}</h2>
      <Field label={t("eventState")} name="money-event-state">
        {(ids) => (
          <select {...ids} value={state} onChange={(event) => setState(event.currentTarget.value)}>
            <option value="">{t("all")}</option>
            {(Object.keys(STATES) as (keyof typeof STATES)[]).map((one) => (
              <option key={one} value={one}>
                {t(STATES[one])}
              </option>
            ))}
          </select>
        )}
      </Field>
      {events.length === 0 && <p class="dim">{t("noEvents")}</p>}
      <ul class="money-list">
        {events.map((event) => (
          <Item key={event.id} event={event} onReplayed={() => void ask()} />
        ))}
      </ul>
    </section>
  );
}

function Item({ event, onReplayed }: { event: StripeEvent; onReplayed: () => void }) {
  const replay = async (): Promise<void> => {
    try {
      await replayEvent(event.id);
      toast(t("replayed"));
      onReplayed();
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <li>
      <div class="money-what">
        <b class="mono">{event.type}</b> <span class={event.state === "failed" ? "money-bad" : undefined}>{t(STATES[event.state])}</span>
        <p class="dim" title={when(event.received_at)}>
          {[ago(event.received_at), t("deliveries", { n: event.deliveries }), event.id].join(" · ")}
        </p>
        {event.reason && (
          <p class="money-bad" dir="ltr">
            {event.reason}
          </p>
        )}
      </div>
      <button type="button" class="button" aria-label={t("replayIt", { name: event.id })} onClick={() => void replay()}>
        {t("replay")}
      </button>
    </li>
  );
}
