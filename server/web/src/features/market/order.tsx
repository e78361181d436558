/** An order, and what its buyer or its seller may do with it now. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { hear } from "../../realtime/socket";
import { ago } from "../../ui/format";
import { Field, PageTitle, useTitle } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { money } from "../money/amounts";
import { type Act, actOn, getOrder, type Order, reviewOrder } from "./calls";
import { Unread } from "./pages";
import { t } from "./words";

export default function OrderPage({ orderId }: { orderId: string }) {
  const [one, setOne] = useState<Order | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.title ?? t("order"));
  useEffect(() => {
    const read = (): void => void getOrder(orderId).then(setOne, setFailure);
    read();
    return hear("market:order", ({ order_id }) => void (order_id === orderId && read()));
  }, [orderId, me.value?.id]);
  if (!one) return <Unread failure={failure} title={t("noOrder")} text={t("noOrderText")} />;
  return (
    <div class="page narrow market-one">
      <PageTitle>
        <span dir="auto">{one.title}</span>
      </PageTitle>
      <p>
        <span class="badge">{t(one.state)}</span> {one.quantity} × {money(one.price, one.currency)} = <strong>{money(one.amount, one.currency)}</strong>
      </p>
      {one.is_test && <p class="hint">{t("testMoney")}</p>}
      {one.due_at && <p class="hint">{t("due", { when: ago(one.due_at) })}</p>}
      <Facts of={one} />
      {one.listing_id && <a href={`/market/${one.listing_id}`}>{t("title")}</a>}
      {me.value?.id === one.buyer.id ? <Buying of={one} onChange={setOne} /> : <Selling of={one} onChange={setOne} />}
    </div>
  );
}

function Facts({ of: one }: { of: Order }) {
  const facts = [
    ["buyer", one.buyer.display_name],
    ["seller", one.seller.display_name],
    ["deliverTo", one.deliver_to],
    ["tracking", one.tracking],
    ["reason", one.reason],
    ["answer", one.answer],
  ] as const;
  return (
    <dl class="market-facts">
      {facts.map(
        ([name, text]) =>
          text && (
            <div key={name}>
              <dt>{t(name)}</dt>
              <dd>
                <bdi>{text}</bdi>
              </dd>
            </div>
          ),
      )}
    </dl>
  );
}

interface Acting {
  of: Order;
  onChange: (order: Order) => void;
}

function Button({ of: one, act, label, sure, onChange }: Acting & { act: Act; label: string; sure?: string }) {
  const run = (): void => {
    if (!sure || confirm(sure)) void attempt(() => actOn(one.id, act).then(onChange));
  };
  return (
    <button type="button" class="button" onClick={run}>
      {label}
    </button>
  );
}

/** An act with a line of text. */
function Saying({ of: one, act, field, label, onChange }: Acting & { act: Act; field: "tracking" | "reason"; label: string }) {
  const { form, errors, busy, submit } = useSending([field], async (data) => onChange(await actOn(one.id, act, { [field]: textOf(data, field) })));
  return (
    <form class="stack" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t(act === "answer" ? "answer" : field)} name={field} error={errors[field]}>
        {(ids) => <input {...ids} name={field} maxLength={300} dir="auto" />}
      </Field>
      <button type="submit" class="button" disabled={busy}>
        {label}
      </button>
    </form>
  );
}

const isOf = (one: Order, ...states: Order["state"][]): boolean => states.includes(one.state);

function Buying({ of: one, onChange }: Acting) {
  const same = { of: one, onChange };
  return (
    <div class="stack">
      {isOf(one, "shipped", "disputed", "contested") && <Button {...same} act="receive" label={t("receive")} />}
      {isOf(one, "pending", "paid") && <Button {...same} act="cancel" label={t("cancel")} sure={t("cancelSure")} />}
      {isOf(one, "paid", "shipped") && <Saying {...same} act="dispute" field="reason" label={t("dispute")} />}
      {isOf(one, "received") && one.listing_id && <ReviewForm of={one} />}
    </div>
  );
}

function Selling({ of: one, onChange }: Acting) {
  const same = { of: one, onChange };
  return (
    <div class="stack">
      {isOf(one, "paid") && <Saying {...same} act="ship" field="tracking" label={t("ship")} />}
      {isOf(one, "paid") && <Button {...same} act="cancel" label={t("cancel")} sure={t("cancelSure")} />}
      {isOf(one, "disputed") && <Saying {...same} act="answer" field="reason" label={t("answer")} />}
      {isOf(one, "disputed", "contested") && <Button {...same} act="cancel" label={t("giveIn")} sure={t("giveIn")} />}
    </div>
  );
}

function ReviewForm({ of: one }: { of: Order }) {
  const [isDone, setDone] = useState(false);
  const { form, errors, busy, submit } = useSending(["stars", "text"], async (data) => {
    await reviewOrder(one.id, { stars: Number(textOf(data, "stars")), text: textOf(data, "text") });
    setDone(true);
  });
  if (isDone) return <p role="status">{t("reviewed")}</p>;
  return (
    <form class="stack panel" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("stars")} name="stars" error={errors["stars"]}>
        {(ids) => <input {...ids} name="stars" type="number" min={1} max={5} defaultValue="5" />}
      </Field>
      <Field label={t("review")} name="text" error={errors["text"]}>
        {(ids) => <textarea {...ids} name="text" rows={3} maxLength={1000} dir="auto" />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("review")}
      </button>
    </form>
  );
}
