import assert from "node:assert/strict";
import { test } from "node:test";
import { dropPlace, keepPlace, keptPlace } from "@web/features/stage/places";

const place = { seat: "a", secret: "b", whip: "/whip/stage/a", whep: "/whep/stage/a" };

function storage(): Storage {
  const held = new Map<string, string>();
  return {
    getItem: (name: string) => held.get(name) ?? null,
    setItem: (name: string, value: string) => void held.set(name, value),
    removeItem: (name: string) => void held.delete(name),
  } as unknown as Storage;
}

test("a place is kept for its invitation until it is dropped", () => {
  const kept = storage();
  keepPlace("one", place, kept);
  assert.deepEqual(keptPlace("one", kept), place);
  assert.equal(keptPlace("two", kept), null);
  dropPlace("one", kept);
  assert.equal(keptPlace("one", kept), null);
});

test("what is no place is none", () => {
  const kept = storage();
  for (const text of ["", "{", "null", "[]", '{"seat":"a"}', '{"seat":1,"secret":"b","whip":"","whep":""}']) {
    kept.setItem("stage:one", text);
    assert.equal(keptPlace("one", kept), null, text);
  }
});

test("a browser that keeps nothing is no error", () => {
  const refusing = {
    getItem: () => {
      throw new Error("denied");
    },
    setItem: () => {
      throw new Error("denied");
    },
    removeItem: () => {
      throw new Error("denied");
    },
  } as unknown as Storage;
  keepPlace("one", place, refusing);
  dropPlace("one", refusing);
  assert.equal(keptPlace("one", refusing), null);
});
