/** The badges of the person's rooms: one picture of each kind. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { attempt } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { type Badge, type BadgeKind, myBadges, putBadge, removeBadge } from "./calls";
import { TYPES } from "./files";
import { t } from "./words";

const KINDS = [
  "moderator",
  "vip",
  "subscriber",
  "subscriber_3",
  "subscriber_6",
  "subscriber_12",
  "subscriber_24",
  "follower",
] as const satisfies readonly BadgeKind[];

export function BadgesPanel() {
  const [badges, setBadges] = useState<Badge[]>([]);
  const load = async (): Promise<void> => setBadges((await myBadges()).items);
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  return (
    <section class="panel" aria-labelledby="badges">
      <h2 id="badges">{t("badges")}</h2>
      <p class="dim">{t("badgesText")}</p>
      <ul class="emotes-list">
        {KINDS.map((kind) => (
          <BadgeItem key={kind} kind={kind} badge={badges.find((one) => one.kind === kind)} onChange={load} />
        ))}
      </ul>
    </section>
  );
}

interface Props {
  kind: BadgeKind;
  badge: Badge | undefined;
  onChange: () => Promise<void>;
}

function BadgeItem({ kind, badge, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const put = async (): Promise<void> => {
    const file = input.current?.files?.[0];
    if (file) await attempt(() => putBadge(kind, file).then(onChange), t("badgeSet"));
    if (input.current) input.current.value = "";
  };
  const remove = (): Promise<void> => attempt(() => removeBadge(kind).then(onChange), t("badgeRemoved"));
  return (
    <li>
      {badge ? <img src={badge.url} alt="" width={56} height={56} /> : <span class="badge-none" />}
      <b>{t(kind)}</b>
      <input ref={input} type="file" accept={TYPES} hidden onChange={() => void put()} />
      <button type="button" class="button" aria-label={t("chooseFor", { name: t(kind) })} onClick={() => input.current?.click()}>
        {t("change")}
      </button>
      {badge && (
        <button type="button" class="button" aria-label={t("removeBadge", { name: t(kind) })} onClick={() => void remove()}>
          {t("remove")}
        </button>
      )}
    </li>
  );
}
