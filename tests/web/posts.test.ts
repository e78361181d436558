import assert from "node:assert/strict";
import { test } from "node:test";
import { ranked, shares, withReaction, withRepost } from "@web/features/posts/acts";
import type { Post } from "@web/features/posts/calls";
import { bodyOf, EMPTY, isEmpty, parsed } from "@web/features/posts/draft";
import { characters, partsOf } from "@web/features/posts/text";

const linked = (text: string, ...mentioned: string[]): string[] =>
  partsOf(text, mentioned).flatMap((part) => (part.kind === "text" ? [] : [`${part.kind} ${part.text}`]));

test("a text is parted into people, hashtags and links, and nothing of it is lost", () => {
  const text = "@ada see #World (https://a.example/x_(y)), و#اليوم_الوطني! mail@ada.example";
  assert.deepEqual(linked(text, "Ada"), ["mention @ada", "tag #World", "link https://a.example/x_(y)", "tag #اليوم_الوطني"]);
  assert.equal(
    partsOf(text, ["ada"])
      .map((part) => part.text)
      .join(""),
    text,
  );
});

test("what only looks like a link to a person or a hashtag is text", () => {
  assert.deepEqual(linked("@nobody #123 a#b &#x27; #" + "x".repeat(101), "ada"), []);
  assert.deepEqual(linked("https://a.example/#top"), ["link https://a.example/#top"]);
  assert.deepEqual(linked("javascript:alert(1) data:text/html,x"), []);
});

test("joined emoji and letters with marks are one character each", () => {
  assert.equal(characters("👨‍👩‍👧‍👦👍🏽🇸🇦e\u0301"), 4);
});

const post = {
  id: "1",
  viewer: { reactions: [], reposted: false, bookmarked: false, voted: [] },
  counts: { replies: 0, reposts: 0, quotes: 0, reactions: { "🎉": 1 } },
} as unknown as Post;

test("an act shows at once, and its opposite leaves what was before", () => {
  const reacted = withReaction(post, "🎉", true);
  assert.deepEqual([reacted.counts.reactions, reacted.viewer?.reactions], [{ "🎉": 2 }, ["🎉"]]);
  assert.deepEqual(withReaction(reacted, "🎉", false), post);
  assert.equal(withReaction(reacted, "🎉", true), reacted);
  assert.deepEqual(withReaction(withReaction(post, "🔥", true), "🔥", false), post);
  assert.deepEqual(withRepost(withRepost(post, true), false), post);
  assert.deepEqual(ranked({ a: 1, b: 3, c: 1 }), [
    ["b", 3],
    ["a", 1],
    ["c", 1],
  ]);
});

test("the result of a poll is hidden until its counts are there", () => {
  const poll = { options: [{ text: "a", votes: null }], multiple: false, voters: 3, state: "open", ends_at: null } as never;
  assert.equal(shares(poll), null);
  assert.deepEqual(shares({ ...(poll as object), voters: 3, options: [{ votes: 1 }, { votes: 2 }] } as never), [33, 67]);
  assert.deepEqual(shares({ ...(poll as object), voters: 0, options: [{ votes: 0 }] } as never), [0]);
});

test("a draft that was kept comes back, and what is no draft is none", () => {
  const draft = { ...EMPTY, text: "hello", poll: { options: ["a", " ", "b"], seconds: 60, multiple: false } };
  assert.deepEqual(parsed(JSON.stringify(draft)), draft);
  for (const kept of [null, "{", '"x"', '{"text":1}', '{"visibility":"x"}', '{"poll":{}}']) assert.deepEqual(parsed(kept), EMPTY);
  assert.ok(isEmpty(EMPTY) && !isEmpty(draft));
  assert.deepEqual(bodyOf(draft, { replyTo: "7" }), {
    text: "hello",
    poll: { options: ["a", "b"], seconds: 60, multiple: false },
    reply_to: "7",
  });
});
