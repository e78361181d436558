import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldWords } from "@web/ui/field-words";

test("a broken rule of a username or an address says what one looks like", () => {
  for (const message of ["must have at least 3 characters", "must have at most 30 characters", "String should match pattern '^[A-Za-z0-9_]{3,30}$'"]) {
    assert.equal(fieldWords("username", message), "A username has 3 to 30 letters, digits or underscores, and no spaces.");
    assert.match(fieldWords("email", message), /^That is no e-mail address\./);
  }
});

test("a value that somebody else has is told with what to do", () => {
  assert.match(fieldWords("username", "is taken"), /Try another one/);
  assert.match(fieldWords("email", "is taken"), /Sign in with it/);
});

test("a message without a subject gets the field's name", () => {
  assert.equal(fieldWords("password", "must have at least 8 characters"), "Password must have at least 8 characters.");
  assert.equal(fieldWords("display_name", "is required"), "Display name is missing.");
  assert.equal(fieldWords("username", "is reserved"), "Username is reserved.");
});

test("a sentence stays as it is", () => {
  assert.equal(fieldWords("password", "This password is too common. Choose another one."), "This password is too common. Choose another one.");
  assert.equal(fieldWords("title", "Too long!"), "Too long!");
  assert.equal(fieldWords("title", "Too long"), "Too long.");
});
