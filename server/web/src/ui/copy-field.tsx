/** A line to copy into another program; a secret one is shown only on demand. */
import { useState } from "preact/hooks";
import { EyeIcon, EyeOffIcon } from "./icons";
import { CopyButton, masked } from "./parts";
import { t } from "./words";

interface FieldProps {
  id: string;
  label: string;
  value: string;
  secret?: boolean;
}

export function CopyField({ id, label, value, secret = false }: FieldProps) {
  const [shown, setShown] = useState(!secret);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <span class="with-button">
        <input id={id} class="mono" dir="ltr" readOnly value={value} {...masked(!shown)} autocomplete="off" spellcheck={false} />
        {secret && (
          <button
            type="button"
            class="icon-button"
            aria-label={shown ? t("hideKey") : t("showKey")}
            aria-pressed={shown}
            onClick={() => setShown(!shown)}
          >
            {shown ? <EyeOffIcon /> : <EyeIcon />}
          </button>
        )}
        <CopyButton text={value} label={t("copyOf", { label })} />
      </span>
    </div>
  );
}
