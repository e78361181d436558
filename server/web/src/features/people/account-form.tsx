/** What the forms of signing in and signing up share. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { navigate, returnPath } from "../../router";
import { EyeIcon, EyeOffIcon } from "../../ui/icons";
import { masked } from "../../ui/parts";
import { textOf } from "../../ui/sending";
import { t } from "./words";

export function Password({ name, autocomplete, ...ids }: { name: string; autocomplete: string; id: string }) {
  const [shown, setShown] = useState(false);
  return (
    <span class="with-button">
      <input {...ids} name={name} {...masked(!shown)} autocomplete={autocomplete} required />
      <button
        type="button"
        class="icon-button"
        aria-label={shown ? t("hidePassword") : t("showPassword")}
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
      >
        {shown ? <EyeOffIcon /> : <EyeIcon />}
      </button>
    </span>
  );
}

/** What was filled in, without the spaces around it. */
export const trimmed = (data: FormData, name: string): string => textOf(data, name).trim();

/** Where the person came from, now that they are signed in. */
export const goOn = (): void => navigate(returnPath(), true);

/** Who is signed in already has nothing to do here. */
export function useAway(): void {
  useEffect(() => {
    if (me.peek()) goOn();
  }, []);
}

export const withNext = (path: string): string => path + location.search;
