import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { FeedList, MOST, type Page } from "@web/features/feed/list";

/** A feed whose pages are given: by their cursors, or a failure. */
function feed(pages: Record<string, Page<string> | Error>) {
  const asked: string[] = [];
  const list = new FeedList<string>(
    async (cursor) => {
      asked.push(cursor);
      const page = pages[cursor];
      if (!page || page instanceof Error) throw page ?? new Error(`there is no page ${cursor}`);
      return page;
    },
    (item) => item,
  );
  return { list, asked, pages };
}

test("pages follow one another, and what moved from one to the next stands once", async () => {
  const { list, asked } = feed({ "": { items: ["c", "b"], next: "1" }, "1": { items: ["b", "a"], next: null } });
  await list.begin();
  await list.more();
  await list.more();
  deepEqual(list.state.value.items, ["c", "b", "a"]);
  deepEqual(asked, ["", "1"]);
});

test("new items are counted until the list is read again", async () => {
  const { list } = feed({ "": { items: ["a"], next: null } });
  await list.begin();
  list.arrived(2);
  list.arrived(3);
  equal(list.state.value.fresh, 5);
  await list.begin();
  equal(list.state.value.fresh, 0);
});

test("what came while nothing was heard is counted up to what is known, and is not shown yet", async () => {
  const { list, pages } = feed({ "": { items: ["live", "b", "a"], next: null } });
  equal(await list.missed(), null);
  await list.begin();
  const counts = (item: string): boolean => item !== "live";
  equal(await list.missed(counts), 0);
  pages[""] = { items: ["live", "d", "c", "b"], next: "1" };
  equal(await list.missed(counts), 2);
  pages[""] = { items: ["f", "e"], next: "1" };
  equal(await list.missed(counts), 2);
  pages[""] = new Error("away");
  equal(await list.missed(counts), null);
  deepEqual(list.state.value.items, ["live", "b", "a"]);
});

test("a page is asked for once while it is on its way", async () => {
  const { list, asked } = feed({ "": { items: ["a"], next: "1" }, "1": { items: ["b"], next: null } });
  await list.begin();
  await Promise.all([list.more(), list.more()]);
  deepEqual(asked, ["", "1"]);
});

test("a failure keeps what is shown and is over with the next answer", async () => {
  const { list, pages } = feed({ "": { items: ["a"], next: "1" }, "1": new Error("away") });
  await list.begin();
  await list.more();
  deepEqual([list.state.value.items, String(list.state.value.failure)], [["a"], "Error: away"]);
  pages["1"] = { items: ["b"], next: null };
  await list.more();
  deepEqual([list.state.value.items, list.state.value.failure], [["a", "b"], null]);
});

test("a full list asks for no more", async () => {
  const many = Array.from({ length: MOST }, (_, n) => String(n));
  const { list, asked } = feed({ "": { items: many, next: "1" } });
  await list.begin();
  await list.more();
  equal(list.isFull, true);
  deepEqual(asked, [""]);
});

test("what was published stands at the front at once, and once only", async () => {
  const { list, pages } = feed({ "": { items: ["a"], next: null } });
  list.put("b");
  equal(list.state.value.items, null);
  await list.begin();
  list.put("b");
  list.put("b");
  deepEqual(list.state.value.items, ["b", "a"]);
  pages[""] = { items: ["b", "a"], next: null };
  await list.begin();
  deepEqual(list.state.value.items, ["b", "a"]);
});

test("what is done with an item while the next page is on its way stays done", async () => {
  const { list } = feed({ "": { items: ["c", "b"], next: "1" }, "1": { items: ["a"], next: null } });
  await list.begin();
  const more = list.more();
  list.replace("c", "liked c");
  list.replace("b", null);
  list.put("d");
  await more;
  deepEqual(list.state.value.items, ["d", "liked c", "a"]);
});
