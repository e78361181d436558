import assert from "node:assert/strict";
import { test } from "node:test";
import { filled } from "@web/features/help/macro-text";

const ticket = { subject: "No {name} sound", requester: { display_name: "Ada $&", username: "ada" } };

test("the words of a ticket stand where a macro names them, as they are", () => {
  assert.equal(filled("Hello {name}, about {subject}: {what}", ticket), "Hello Ada $&, about No {name} sound: {what}");
  assert.equal(filled("{name}", { ...ticket, requester: { display_name: "", username: "ada" } }), "ada");
});
