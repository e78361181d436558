/** The people of a group; its owner adds, removes and renames. */
import { useState } from "preact/hooks";
import { me } from "../../api/session";
import { Avatar, Field } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { type Conversation, renameConversation, setMember } from "./calls";
import { nameOf } from "./names";
import { PeopleField } from "./people-field";
import { t } from "./words";

interface Props {
  one: Conversation;
  onChange: () => void;
  onClose: () => void;
}

export function Members({ one, onChange, onClose }: Props) {
  const isOwner = one.owner_id === me.value?.id;
  const remove = (username: string): void => void attempt(() => setMember(one.id, username, false).then(onChange));
  return (
    <section class="messages-members" aria-label={t("members")} onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <ul>
        {one.people.map((each) => (
          <li key={each.id}>
            <Avatar of={each} size={28} />
            <a href={`/@${each.username}`}>
              <bdi>{nameOf(each)}</bdi>
            </a>
            {each.state === "request" && <span class="dim">{t("waitsFor")}</span>}
            {isOwner && each.id !== me.value?.id && (
              <button type="button" class="button" onClick={() => remove(each.username)}>
                {t("remove", { name: nameOf(each) })}
              </button>
            )}
          </li>
        ))}
      </ul>
      {isOwner && <Add id={one.id} onChange={onChange} />}
      {isOwner && <Rename one={one} onChange={onChange} />}
      <button type="button" class="button" onClick={onClose}>
        {t("close")}
      </button>
    </section>
  );
}

function Add({ id, onChange }: { id: string; onChange: () => void }) {
  const [people, setPeople] = useState<string[]>([]);
  const { form, errors, busy, submit } = useSending(["people"], async () => {
    for (const username of people) await setMember(id, username, true);
    setPeople([]);
    onChange();
  });
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <PeopleField people={people} onChange={setPeople} error={errors["people"]} />
      <button type="submit" class="button" disabled={busy || !people.length}>
        {t("addPerson")}
      </button>
    </form>
  );
}

function Rename({ one, onChange }: { one: Conversation; onChange: () => void }) {
  const { form, errors, busy, submit } = useSending(["title"], async (data) => {
    await renameConversation(one.id, textOf(data, "title"));
    onChange();
  });
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("newTitle")} name="title" error={errors["title"]}>
        {(ids) => <input {...ids} name="title" maxLength={100} defaultValue={one.title} autocomplete="off" dir="auto" />}
      </Field>
      <button type="submit" class="button" disabled={busy}>
        {t("rename")}
      </button>
    </form>
  );
}
