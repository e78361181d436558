/** Who is signed in, and what belongs to this person. */
import { useEffect, useRef, useState } from "preact/hooks";
import { isModerator, me, signOut } from "../api/session";
import { navigate, path } from "../router";
import { Avatar } from "../ui/parts";
import { toast } from "../ui/toasts";
import { t } from "./words";

export function AccountMenu() {
  const user = me.value;
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const at = path.value;
  useEffect(() => setOpen(false), [at]);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    };
    addEventListener("pointerdown", away);
    addEventListener("focusin", away);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("focusin", away);
      removeEventListener("keydown", escape);
    };
  }, [open]);
  if (!user) return null;
  const leave = async (): Promise<void> => {
    setOpen(false);
    await signOut();
    navigate("/");
    toast(t("signedOut"));
  };
  return (
    <div class="account-menu" ref={box}>
      <button type="button" class="avatar-button" aria-label={t("yourAccount", { name: `@${user.username}` })} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Avatar of={user} size={36} />
      </button>
      {open && (
        // Focusable, so that a press on its text keeps the focus inside.
        <div class="menu" tabIndex={-1}>
          <p class="menu-name">
            <b>{user.display_name || user.username}</b>
            <bdi>@{user.username}</bdi>
          </p>
          <a href={`/@${user.username}`}>{t("yourPage")}</a>
          <a href="/videos">{t("yourVideos")}</a>
          <a href="/settings">{t("settings")}</a>
          {user.roles?.includes("admin") && <a href="/admin">{t("administration")}</a>}
          {isModerator(user) && <a href="/admin/cases">{t("moderation")}</a>}
          <button type="button" onClick={() => void leave()}>
            {t("signOut")}
          </button>
        </div>
      )}
    </div>
  );
}
