import { equal } from "node:assert/strict";
import { test } from "node:test";
import { momentOf, wallOf } from "@web/features/communities/zones";

const CLOCKS: readonly [zone: string, wall: string, moment: string][] = [
  ["UTC", "2026-05-01T10:00", "2026-05-01T10:00:00.000Z"],
  ["Europe/Berlin", "2026-07-01T10:00", "2026-07-01T08:00:00.000Z"],
  ["Europe/Berlin", "2026-12-01T00:30", "2026-11-30T23:30:00.000Z"],
  ["America/New_York", "2026-03-08T01:59", "2026-03-08T06:59:00.000Z"],
  ["America/New_York", "2026-03-08T03:00", "2026-03-08T07:00:00.000Z"],
  ["Asia/Kolkata", "2026-01-01T05:00", "2025-12-31T23:30:00.000Z"],
  ["Australia/Lord_Howe", "2026-12-31T23:59", "2026-12-31T12:59:00.000Z"],
];

for (const [zone, wall, moment] of CLOCKS) {
  test(`${wall} in ${zone} is one moment, and that moment is shown so there`, () => {
    equal(momentOf(wall, zone), moment);
    equal(wallOf(Date.parse(moment), zone), wall);
  });
}

test("a time that the clocks skip is moved on, and what is no time is none", () => {
  equal(wallOf(Date.parse(momentOf("2026-03-29T02:30", "Europe/Berlin") ?? ""), "Europe/Berlin"), "2026-03-29T03:30");
  equal(momentOf("", "UTC"), null);
  equal(momentOf("soon", "UTC"), null);
});
