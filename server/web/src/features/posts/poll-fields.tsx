/** The poll of a post that is being written. */
import type { Draft } from "./draft";
import { t } from "./words";

const MAX_OPTIONS = 10;

interface Props {
  poll: NonNullable<Draft["poll"]>;
  onChange: (poll: NonNullable<Draft["poll"]>) => void;
}

export function PollFields({ poll, onChange }: Props) {
  const { options } = poll;
  const write = (index: number, text: string): void => onChange({ ...poll, options: options.map((one, at) => (at === index ? text : one)) });
  return (
    <fieldset class="composer-poll">
      <legend class="visually-hidden">{t("addPoll")}</legend>
      {options.map((option, index) => (
        <input
          key={index}
          value={option}
          maxLength={100}
          dir="auto"
          aria-label={t("option", { n: index + 1 })}
          placeholder={t("option", { n: index + 1 })}
          onInput={(event) => write(index, event.currentTarget.value)}
        />
      ))}
      <div class="row">
        {options.length < MAX_OPTIONS && (
          <button type="button" class="button small" onClick={() => onChange({ ...poll, options: [...options, ""] })}>
            {t("addOption")}
          </button>
        )}
        <select aria-label={t("pollLasts")} value={poll.seconds} onChange={(event) => onChange({ ...poll, seconds: Number(event.currentTarget.value) })}>
          <option value={3600}>{t("hour")}</option>
          <option value={86400}>{t("day")}</option>
          <option value={604800}>{t("week")}</option>
        </select>
        <label class="composer-several">
          <input type="checkbox" checked={poll.multiple} onChange={(event) => onChange({ ...poll, multiple: event.currentTarget.checked })} />
          <span>{t("several")}</span>
        </label>
      </div>
    </fieldset>
  );
}
