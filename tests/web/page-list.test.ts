import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { PageList, type Read } from "@web/ui/page-list";

interface Row {
  id: string;
  name?: string;
}

/** A server whose answers are given by hand, in any order. */
function served() {
  const asked: { cursor: string; answer: (ids: string[], next?: string | null) => Promise<void>; fail: (error: Error) => Promise<void> }[] = [];
  const read: Read<Row> = (cursor) =>
    new Promise((give, refuse) => {
      const after = (act: () => void): Promise<void> => (act(), new Promise((done) => setImmediate(done)));
      asked.push({
        cursor,
        answer: (ids, next = null) => after(() => give({ items: ids.map((id) => ({ id })), next })),
        fail: (error) => after(() => refuse(error)),
      });
    });
  const ask = (n: number) => asked[n] ?? (() => { throw new Error(`nothing was asked for the ${n}th time`); })();
  return { read, ask, count: () => asked.length };
}

const idsOf = (list: PageList<Row>): string[] | undefined => list.state.value.items?.map(({ id }) => id);

test("pages follow one another by their cursors", async () => {
  const { read, ask } = served();
  const list = new PageList<Row>();
  void list.begin(read);
  equal(list.state.value.items, null);
  await ask(0).answer(["1", "2"], "after 2");
  void list.more();
  equal(ask(1).cursor, "after 2");
  await ask(1).answer(["3"]);
  deepEqual([idsOf(list), list.state.value.next], [["1", "2", "3"], null]);
});

test("the answer to an earlier question is let go, whichever comes first", async () => {
  const [old, fresh] = [served(), served()];
  const list = new PageList<Row>();
  void list.begin(old.read);
  void list.begin(fresh.read);
  await fresh.ask(0).answer(["new"]);
  await old.ask(0).answer(["old"]);
  deepEqual(idsOf(list), ["new"]);
});

test("a question that is asked anew shows nothing of the old answer meanwhile", async () => {
  const [old, fresh] = [served(), served()];
  const list = new PageList<Row>();
  void list.begin(old.read);
  await old.ask(0).answer(["old"]);
  void list.begin(fresh.read);
  equal(list.state.value.items, null);
  await fresh.ask(0).fail(new Error("away"));
  deepEqual([list.state.value.items, (list.state.value.failure as Error).message], [null, "away"]);
});

test("a page that is asked for twice is added once", async () => {
  const { read, ask } = served();
  const list = new PageList<Row>();
  void list.begin(read);
  await ask(0).answer(["1"], "after 1");
  void list.more();
  void list.more();
  await ask(1).answer(["2"], "after 2");
  await ask(2).answer(["2"], "after 2");
  deepEqual(idsOf(list), ["1", "2"]);
});

test("a failure keeps what is there, and the same page is asked for again", async () => {
  const { read, ask } = served();
  const list = new PageList<Row>();
  void list.begin(read);
  await ask(0).answer(["1"], "after 1");
  void list.more();
  await ask(1).fail(new Error("away"));
  deepEqual([idsOf(list), list.state.value.next], [["1"], "after 1"]);
  void list.more();
  equal(ask(2).cursor, "after 1");
  await ask(2).answer(["2"]);
  deepEqual([idsOf(list), list.state.value.failure], [["1", "2"], null]);
});

test("one item is replaced in its place, and an unknown one changes nothing", async () => {
  const { read, ask } = served();
  const list = new PageList<Row>();
  list.replace({ id: "1" });
  equal(list.state.value.items, null);
  void list.begin(read);
  await ask(0).answer(["1", "2"]);
  list.replace({ id: "1", name: "changed" });
  list.replace({ id: "9", name: "unknown" });
  deepEqual(list.state.value.items, [{ id: "1", name: "changed" }, { id: "2" }]);
});

test("what comes after the list was closed changes nothing", async () => {
  const { read, ask } = served();
  const list = new PageList<Row>();
  void list.begin(read);
  list.close();
  await ask(0).answer(["1"]);
  equal(list.state.value.items, null);
});
