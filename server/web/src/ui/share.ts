/** Hand a link of this site on: by the system's sheet where there is one, else by the clipboard. */
import { copyText } from "./parts";
import { toast } from "./toasts";
import { t } from "./words";

export async function shareLink(title: string, path: string): Promise<void> {
  const url = `${location.origin}${path}`;
  if (typeof navigator.share === "function") {
    try {
      return await navigator.share({ title, url });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
    }
  }
  if (await copyText(url)) toast(t("linkCopied"), "good");
  else toast(url);
}
