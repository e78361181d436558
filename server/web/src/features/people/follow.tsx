import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import type { Profile } from "../../api/types";
import { hear } from "../../realtime/socket";
import { loginPath, navigate } from "../../router";
import { CheckIcon } from "../../ui/icons";
import { toast } from "../../ui/toasts";
import { getUser, setFollow } from "./calls";
import { t } from "./words";

type Tie = "none" | "requested" | "following";

const tieOf = ({ viewer }: Profile): Tie => (viewer?.following ? "following" : viewer?.requested ? "requested" : "none");

interface Props {
  username: string;
  /** The person's profile, where the page has it already. */
  of?: Profile;
  onChange?: (following: boolean) => void;
}

/** Follow, ask to follow, or take either back; the button turns at once and turns back if the server refuses. */
export function Follow({ username, of, onChange }: Props) {
  const [tie, setTie] = useState<Tie | null>(of ? tieOf(of) : null);
  const [isPrivate, setPrivate] = useState(of?.private ?? false);
  useEffect(() => {
    const know = (user: Profile): void => {
      setPrivate(user.private);
      setTie(tieOf(user));
    };
    if (of) return know(of);
    if (!me.value) return setTie("none");
    getUser(username).then(know, () => setTie("none"));
  }, [username, of, me.value?.id]);
  useEffect(
    () =>
      hear("notification", ({ kind, people }) => {
        if (kind === "follow_approved" && people.some((one) => one.username === username)) setTie("following");
      }),
    [username],
  );

  const toggle = async (): Promise<void> => {
    if (!me.value || tie === null) return navigate(loginPath());
    const next: Tie = tie !== "none" ? "none" : isPrivate ? "requested" : "following";
    setTie(next);
    try {
      await setFollow(username, next !== "none");
      if (next === "following" || tie === "following") onChange?.(next === "following");
    } catch (error) {
      setTie(tie);
      toast(sentence(error), "bad");
    }
  };
  return (
    <button type="button" class={`button${tie === "none" ? " strong" : ""}`} aria-pressed={tie !== "none"} disabled={tie === null} onClick={toggle}>
      {tie === "following" && <CheckIcon />} {t(tie === "following" ? "following" : tie === "requested" ? "requested" : "follow")}
    </button>
  );
}
