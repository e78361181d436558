/** Names can be read in every hue, on every background that a chat has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import TOKENS from "@web/styles/tokens.css?raw";
import { BACKGROUNDS, contrast, MIN_CONTRAST, nameColour, type Scheme } from "@web/features/chat/name-colours";

const SCHEMES: Scheme[] = ["light", "dark"];

test("contrast is what WCAG says it is", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#ffffff", "#ffffff"), 1);
  assert.ok(Math.abs(contrast("#777777", "#ffffff") - 4.48) < 0.01);
});

test("a name of any hue can be read on each background, light and dark", () => {
  for (const scheme of SCHEMES) {
    for (let hue = 0; hue < 360; hue += 1) {
      const colour = nameColour(hue, scheme);
      assert.match(colour, /^#[0-9a-f]{6}$/);
      for (const background of BACKGROUNDS[scheme]) {
        assert.ok(contrast(colour, background) >= MIN_CONTRAST, `${colour} of ${hue} on ${background}`);
      }
    }
  }
});

test("hues stay apart", () => {
  for (const scheme of SCHEMES) {
    const colours = [0, 60, 120, 180, 240, 300].map((hue) => nameColour(hue, scheme));
    assert.equal(new Set(colours).size, colours.length);
  }
});

test("the backgrounds are those of the page", () => {
  for (const [at, scheme] of SCHEMES.entries()) {
    const named = ["surface", "raised", "bg"].map((name) => new RegExp(`--${name}: light-dark\\((#\\w+), (#\\w+)\\)`).exec(TOKENS)?.[at + 1]);
    for (const colour of named) assert.ok(colour && BACKGROUNDS[scheme].includes(colour), `${colour} of ${scheme}`);
  }
});
