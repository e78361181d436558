/** The form of an order; the price that is shown is the one that is paid. */
import { useState } from "preact/hooks";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { Field } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { money } from "../money/amounts";
import { type Listing, makeOrder, type Order } from "./calls";
import { t } from "./words";

type Sold = Pick<Listing, "id" | "price" | "currency" | "shipping" | "stock">;

/** ``onBought`` null: the buyer stays where they are, and pays in another window. */
export function BuyForm({ of: one, onBought }: { of: Sold; onBought: ((order: Order, payAt: string | null) => void) | null }) {
  const [quantity, setQuantity] = useState(1);
  const [made, setMade] = useState<{ order: Order; payAt: string | null } | null>(null);
  const { form, errors, busy, submit } = useSending(["quantity", "deliver_to"], async (data) => {
    if (!me.value) return navigate(loginPath());
    const { order, checkout_url } = await makeOrder({ listing_id: one.id, quantity, price: one.price, deliver_to: textOf(data, "deliver_to") });
    toast(order.is_test ? `${t("ordered")} ${t("testMoney")}` : t("ordered"), "good");
    const payAt = order.is_test ? null : checkout_url;
    if (onBought) onBought(order, payAt);
    else setMade({ order, payAt });
  });
  if (made) return <Ordered {...made} />;
  return (
    <form class="stack" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("quantity")} name="quantity" error={errors["quantity"]}>
        {(ids) => (
          <input
            {...ids}
            name="quantity"
            type="number"
            min={1}
            max={Math.min(one.stock, 100)}
            value={quantity}
            onInput={(event) => setQuantity(Math.max(1, Number(event.currentTarget.value) || 1))}
          />
        )}
      </Field>
      <Field label={t("deliverTo")} name="deliver_to" hint={t("deliverHint")} error={errors["deliver_to"]}>
        {(ids) => <textarea {...ids} name="deliver_to" rows={2} maxLength={1000} dir="auto" autocomplete="street-address" />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("buy", { amount: money(one.price * quantity + one.shipping, one.currency) })}
      </button>
      <p class="hint">{t("held")}</p>
    </form>
  );
}

function Ordered({ order, payAt }: { order: Order; payAt: string | null }) {
  return (
    <div class="stack" role="status">
      <p>{t("ordered")}</p>
      {payAt && (
        <a class="button accent" href={payAt} target="_blank" rel="noopener">
          {t("goPay")}
        </a>
      )}
      <a href={`/market/orders/${order.id}`} target="_blank" rel="noopener">
        {t("order")}
      </a>
    </div>
  );
}
