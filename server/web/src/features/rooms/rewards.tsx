/** What a viewer may have for points, and the queue of the owner who gives it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { randomId } from "../../api/locks";
import { sentence } from "../../api/http";
import { ask } from "../../realtime/socket";
import { toast } from "../../ui/toasts";
import { addReward, myRewards, removeReward, rewardsOf, type Redemption, type Reward } from "./calls";
import { Redemptions } from "./redemptions";
import { Window } from "./window";
import { t } from "./words";

const MAX_TITLE = 60;
const MAX_TEXT = 200;
const FIRST_COST = 100;

async function attempt(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    toast(sentence(error), "bad");
    return false;
  }
}

interface MenuProps {
  streamId: string;
  roomId: string;
  balance: number;
  onDone: () => void;
}

export function RewardMenu({ streamId, roomId, balance, onDone }: MenuProps) {
  const [rewards, setRewards] = useState<Reward[] | null>(null);
  useEffect(() => void attempt(async () => setRewards((await rewardsOf(streamId)).items)), [streamId]);
  return (
    <Window title={t("rewards")} onDone={onDone}>
      <p class="activities-points">{t("points", { n: balance })}</p>
      {rewards?.length === 0 && <p class="hint">{t("noRewards")}</p>}
      <ul class="rewards">
        {rewards?.map((reward) => (
          <Offer key={reward.id} reward={reward} roomId={roomId} balance={balance} />
        ))}
      </ul>
    </Window>
  );
}

function Offer({ reward, roomId, balance }: { reward: Reward; roomId: string; balance: number }) {
  const clientId = useRef(randomId());
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const redeem = async (): Promise<void> => {
    setBusy(true);
    const body = { room_id: roomId, reward_id: reward.id, client_id: clientId.current, text: text.trim() };
    if (await attempt(() => ask("reward:redeem", body))) {
      clientId.current = randomId();
      setText("");
      toast(t("redeemed", { title: reward.title }), "good");
    }
    setBusy(false);
  };
  return (
    <li class="reward">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void redeem();
        }}
      >
        <strong>
          <bdi>{reward.title}</bdi>
        </strong>
        {reward.prompt && <p class="hint">{reward.prompt}</p>}
        {reward.needs_text && (
          <input class="reward-text" required maxLength={MAX_TEXT} dir="auto" value={text} aria-label={t("yourText")} placeholder={t("yourText")} onInput={(event) => setText(event.currentTarget.value)} />
        )}
        <button type="submit" class="button small" disabled={busy || balance < reward.cost}>
          {t("points", { n: reward.cost })}
        </button>
      </form>
    </li>
  );
}

interface QueueProps {
  waiting: Redemption[];
  onChange: () => void;
  onDone: () => void;
}

export function RewardQueue({ waiting, onChange, onDone }: QueueProps) {
  return (
    <Window title={t("rewards")} onDone={onDone}>
      <h3>{t("waiting", { n: waiting.length })}</h3>
      <Redemptions waiting={waiting} onChange={onChange} />
      <Offered />
    </Window>
  );
}

function Offered() {
  const [rewards, setRewards] = useState<Reward[]>([]);
  const [title, setTitle] = useState("");
  const [cost, setCost] = useState(FIRST_COST);
  const [needsText, setNeedsText] = useState(false);
  const load = (): void => void attempt(async () => setRewards((await myRewards()).items));
  useEffect(load, []);
  const add = async (): Promise<void> => {
    if (!(await attempt(() => addReward({ title: title.trim(), cost, needs_text: needsText, prompt: "", is_paused: false })))) return;
    setTitle("");
    load();
  };
  return (
    <>
      <h3>{t("offered")}</h3>
      <ul class="rewards">
        {rewards.map((reward) => (
          <li class="reward reward-own" key={reward.id}>
            <bdi>{reward.title}</bdi> <span class="hint">{t("points", { n: reward.cost })}</span>
            <button type="button" class="button small" aria-label={t("removeReward", { title: reward.title })} onClick={() => void attempt(() => removeReward(reward.id)).then(load)}>
              ×
            </button>
          </li>
        ))}
      </ul>
      <form
        class="stream-form"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <div class="field">
          <label for="reward-title">{t("rewardTitle")}</label>
          <input id="reward-title" required maxLength={MAX_TITLE} dir="auto" value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
        </div>
        <div class="field">
          <label for="reward-cost">{t("rewardCost")}</label>
          <input id="reward-cost" type="number" required min={1} max={1_000_000_000} value={cost} onInput={(event) => setCost(event.currentTarget.valueAsNumber)} />
        </div>
        <label class="reward-check">
          <input type="checkbox" checked={needsText} onChange={(event) => setNeedsText(event.currentTarget.checked)} /> {t("needsText")}
        </label>
        <button type="submit" class="button accent">
          {t("addReward")}
        </button>
      </form>
    </>
  );
}
