/** One's bookmarks, by folder. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { Empty, PageTitle, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { addFolder, bookmarks, dropFolder, folders, type Folder } from "./calls";
import { PostList } from "./list";
import "./posts.css";
import { t } from "./words";

export default function BookmarksPage() {
  useTitle(t("bookmarks"));
  const [all, setAll] = useState<Folder[]>([]);
  const [folder, setFolder] = useState("");
  useEffect(() => {
    if (!me.value) return navigate(loginPath(), true);
    folders().then(
      ({ items }) => setAll(items),
      (error) => toast(sentence(error), "bad"),
    );
  }, [me.value?.id]);
  const attempt = (act: () => Promise<void>): void => void act().catch((error) => toast(sentence(error), "bad"));
  const add = async (): Promise<void> => {
    const name = prompt(t("folderName"))?.trim();
    if (name) setAll([...all, await addFolder(name.slice(0, 50))]);
  };
  const drop = async (): Promise<void> => {
    const name = all.find((one) => one.id === folder)?.name ?? "";
    if (!confirm(t("dropFolderSure", { name }))) return;
    await dropFolder(folder);
    setAll(all.filter((one) => one.id !== folder));
    setFolder("");
  };
  if (!me.value) return null;
  return (
    <div class="page narrow">
      <PageTitle>{t("bookmarks")}</PageTitle>
      <div class="post-tabs" role="group" aria-label={t("bookmarks")}>
        {[{ id: "", name: t("allBookmarks") }, ...all].map((one) => (
          <button key={one.id} type="button" class="post-tab" aria-pressed={folder === one.id} onClick={() => setFolder(one.id)}>
            <bdi>{one.name}</bdi>
          </button>
        ))}
        <button type="button" class="button small" onClick={() => attempt(add)}>
          {t("newFolder")}
        </button>
        {folder && (
          <button type="button" class="button small" onClick={() => attempt(drop)}>
            {t("dropFolder")}
          </button>
        )}
      </div>
      <PostList
        of={`bookmarks/${folder}`}
        read={(cursor) => bookmarks(folder, cursor)}
        empty={
          <Empty title={t("noBookmarks")}>
            <p>{t("noBookmarksText")}</p>
          </Empty>
        }
      />
    </div>
  );
}
