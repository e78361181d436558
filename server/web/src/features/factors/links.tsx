/** The other providers that a person signs in by. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago, when } from "../../ui/format";
import { attempt, FormError } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { listLinks, proveStart, removeLink, signInMethods, startPath, type Link, type Methods } from "./calls";
import { failureWords, takeFragment } from "./failures";
import { proved } from "./reauthentication";
import { t } from "./words";

const HERE = "/settings/security";

export function Links() {
  const [links, setLinks] = useState<Link[]>([]);
  const [methods, setMethods] = useState<Methods | null>(null);
  const [callback] = useState(takeFragment);
  const load = async (): Promise<void> => setLinks((await listLinks()).items);
  useEffect(() => {
    const start = async (): Promise<void> => {
      await load();
      setMethods(await signInMethods());
      if (callback.has("linked")) toast(t("linked"), "good");
    };
    void start().catch((error: unknown) => toast(sentence(error), "bad"));
  }, []);
  const offered = methods?.oauth.filter(({ provider }) => !links.some((one) => one.provider === provider)) ?? [];
  const error = callback.get("error");
  if (!links.length && !offered.length && !error) return null;
  const remove = (one: Link): Promise<void> => attempt(() => proved(() => removeLink(one.provider)).then(load), t("unlinked"));
  return (
    <section class="panel" aria-labelledby="links">
      <h2 id="links">{t("links")}</h2>
      <p class="dim">{t("linksText")}</p>
      <FormError text={error === null ? undefined : failureWords(error)} />
      {links.length > 0 && (
        <ul class="factors-list">
          {links.map((one) => (
            <li key={one.provider}>
              <LinkRow link={one} onRemove={() => void remove(one)} />
            </li>
          ))}
        </ul>
      )}
      {offered.length > 0 && (
        <div class="factors-row">
          {offered.map(({ provider, name }) => (
            <button key={provider} type="button" class="button" onClick={() => void attempt(() => begin(provider))}>
              {t("linkIt", { name })}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}

async function begin(provider: string): Promise<void> {
  const path = startPath(provider, HERE, true);
  await proved(() => proveStart(path));
  location.assign(path);
}

function LinkRow({ link, onRemove }: { link: Link; onRemove: () => void }) {
  const used = link.last_used_at ?? link.created_at;
  return (
    <>
      <div>
        <strong>
          <bdi>{link.name}</bdi>
        </strong>
        <p class="dim" title={when(used)}>
          {link.email && (
            <>
              <bdi>{link.email}</bdi>
              {" · "}
            </>
          )}
          {link.last_used_at ? t("lastUsed", { ago: ago(used) }) : t("added", { ago: ago(used) })}
        </p>
      </div>
      <button type="button" class="button" aria-label={t("removeIt", { name: link.name })} onClick={onRemove}>
        {t("remove")}
      </button>
    </>
  );
}
