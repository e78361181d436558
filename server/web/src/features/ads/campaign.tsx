/** One campaign: what came of it as plots, its videos, its money. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { navigate } from "../../router";
import { count, percent, when } from "../../ui/format";
import { Missing } from "../../ui/missing";
import { Empty, Field, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { Plot } from "../insight/plot";
import { minorUnits, money } from "../money/amounts";
import { addCreative, changeCampaign, creativesOf, endCampaign, getCampaign, pay, removeCreative, results, type Campaign, type Creative, type Results } from "./calls";
import { Labels, labelsIn } from "./labels";
import { Waits } from "./waits";
import { t } from "./words";
import "./ads.css";

const DAYS = 30;

export default function CampaignPage({ campaignId }: { campaignId: string }) {
  const [one, setOne] = useState<Campaign | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.name ?? t("title"));
  const load = (): void => void getCampaign(campaignId).then(setOne, setFailure);
  useEffect(load, [campaignId]);
  if (failure instanceof ApiError && failure.status === 404) return <Missing title={t("gone")} text={t("goneText")} />;
  if (failure) return <Empty title={sentence(failure)} />;
  if (!one) return <Spinner />;
  return (
    <div class="page ads-page">
      <PageTitle>
        <bdi>{one.name}</bdi>
      </PageTitle>
      <p>
        <Waits of={one} />
      </p>
      <p class="hint">{t("dates", { from: when(one.starts_at), until: when(one.ends_at) })}</p>
      <Money of={one} onPaid={load} />
      {one.state !== "ended" && <Verbs of={one} onChange={setOne} />}
      <Came of={one} />
      <Videos of={one} />
    </div>
  );
}

function Money({ of: one, onPaid }: { of: Campaign; onPaid: () => void }) {
  const { form, errors, busy, submit } = useSending(["amount"], async (data) => {
    const { checkout_url } = await pay(one.id, minorUnits(Number(textOf(data, "amount")) || 0, one.currency));
    if (checkout_url && new URL(checkout_url, location.href).origin !== location.origin) location.assign(checkout_url);
    toast(t("paying"), "good");
    setTimeout(onPaid, 2000);
  });
  const digits = 10 ** (new Intl.NumberFormat("en", { style: "currency", currency: one.currency }).resolvedOptions().maximumFractionDigits ?? 2);
  return (
    <section class="panel" aria-labelledby="ads-money">
      <h2 id="ads-money">{t("money")}</h2>
      <p>{t("spentOf", { spent: money(one.spent, one.currency), budget: money(one.budget, one.currency) })}</p>
      <p>{t("paidSoFar", { paid: money(one.paid, one.currency) })}</p>
      {one.state !== "ended" && (
        <form class="row" ref={form} onSubmit={submit} noValidate>
          <FormError text={errors["form"]} />
          <Field label={t("amount", { currency: one.currency })} name="amount" error={errors["amount"]}>
            {(ids) => <input {...ids} name="amount" type="number" min={0} step="any" defaultValue={String(Math.max(0, one.budget - one.paid) / digits)} />}
          </Field>
          <button type="submit" class="button accent" disabled={busy}>
            {t("pay")}
          </button>
        </form>
      )}
    </section>
  );
}

function Verbs({ of: one, onChange }: { of: Campaign; onChange: (one: Campaign) => void }) {
  const isPaused = one.state === "paused";
  const end = async (): Promise<void> => {
    if (!confirm(t("endSure"))) return;
    await endCampaign(one.id);
    navigate("/ads");
  };
  return (
    <div class="row">
      <button type="button" class="button" onClick={() => void attempt(async () => onChange(await changeCampaign(one.id, { state: isPaused ? "active" : "paused" })))}>
        {isPaused ? t("goOn") : t("pause")}
      </button>
      <button type="button" class="button" onClick={() => void attempt(end)}>
        {t("end")}
      </button>
    </div>
  );
}

const KEYS = ["impressions", "wholes", "clicks"] as const;

function Came({ of: one }: { of: Campaign }) {
  const [came, setCame] = useState<Results | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => void results(one.id, DAYS).then(setCame, setFailure), [one.id]);
  if (failure) return <p role="status">{sentence(failure)}</p>;
  if (!came) return <Spinner />;
  const sum = (key: (typeof KEYS)[number] | "invalid"): number => came.days.reduce((all, day) => all + day[key], 0);
  const shown = sum("impressions");
  return (
    <section class="panel" aria-labelledby="ads-came">
      <h2 id="ads-came">{t("results", { n: DAYS })}</h2>
      {shown === 0 && <p class="hint">{t("nothingYet")}</p>}
      {shown > 0 && (
        <>
          <p>
            {t("sums", {
              shown: count(shown),
              wholes: percent(sum("wholes") / shown),
              clicks: count(sum("clicks")),
              share: percent(sum("clicks") / shown),
              invalid: count(sum("invalid")),
            })}
          </p>
          <div class="ads-figures">
            {KEYS.map((key) => (
              <Plot key={key} what={t(key)} points={came.days.map((day) => ({ key: day.day, value: day[key] }))} />
            ))}
            <Plot what={t("cost", { currency: one.currency })} points={came.days.map((day) => ({ key: day.day, value: Math.round(day.milli / 1000) }))} />
          </div>
        </>
      )}
    </section>
  );
}

const STATES = { waiting: "stateWaiting", approved: "stateApproved", refused: "stateRefused" } as const;

function Videos({ of: one }: { of: Campaign }) {
  const [videos, setVideos] = useState<Creative[]>([]);
  const load = (): void => void creativesOf(one.id).then(setVideos, () => setVideos([]));
  useEffect(load, [one.id]);
  const { form, errors, busy, submit } = useSending(["video_id", "labels"], async (data) => {
    await addCreative(one.id, { video_id: textOf(data, "video_id").trim(), labels: labelsIn(data, "labels") });
    form.current?.reset();
    load();
  });
  return (
    <section class="panel" aria-labelledby="ads-videos">
      <h2 id="ads-videos">{t("videos")}</h2>
      <p class="hint">{t("videosHint")}</p>
      <ul class="ads-list">
        {videos.map((video) => (
          <li key={video.id} class="ads-card">
            <a href={`/videos/${video.video_id}`}>
              <bdi>{video.title || t("untitled")}</bdi>
            </a>
            <span class="badge">{t(STATES[video.state])}</span>
            {video.reason && <span dir="auto">{video.reason}</span>}
            <button
              type="button"
              class="button small"
              aria-label={t("removeVideo", { title: video.title })}
              onClick={() => void attempt(async () => removeCreative(one.id, video.id).then(load))}
            >
              {t("remove")}
            </button>
          </li>
        ))}
      </ul>
      {one.state !== "ended" && (
        <form class="stack" ref={form} onSubmit={submit} noValidate>
          <FormError text={errors["form"]} />
          <Field label={t("videoId")} name="video_id" hint={t("videoIdHint")} error={errors["video_id"]}>
            {(ids) => <input {...ids} name="video_id" dir="ltr" autocomplete="off" />}
          </Field>
          <Labels legend={t("about")} name="labels" chosen={[]} />
          <button type="submit" class="button" disabled={busy}>
            {t("addVideo")}
          </button>
        </form>
      )}
    </section>
  );
}
