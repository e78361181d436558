/** Passkeys' options in browsers that have no conversions of their own, and the code that an app scans. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { modulesOf } from "@web/features/factors/qr";
import { base64urlOf, bytesOf, creationOptions, isNamed, requestOptions } from "@web/features/factors/webauthn";

const bytes = Uint8Array.of(0xfb, 0xff, 0xfe, 0x00);

test("base64url has no padding and no characters that an address would escape", () => {
  assert.equal(base64urlOf(bytes.buffer), "-__-AA");
  assert.deepEqual(bytesOf("-__-AA"), bytes);
});

test("what the browser wants as bytes is bytes at any depth, and the relying party's id stays a text", () => {
  const made = creationOptions({
    rp: { id: "live.example", name: "Live" },
    user: { id: "-__-AA", name: "ada", displayName: "Ada" },
    challenge: "-__-AA",
    pubKeyCredParams: [{ type: "public-key", alg: -7 }],
    timeout: 300_000,
    excludeCredentials: [{ id: "-__-AA", type: "public-key" }],
    authenticatorSelection: { residentKey: "required" },
    attestation: "none",
  });
  assert.deepEqual([made.challenge, made.user.id, made.excludeCredentials?.[0]?.id], [bytes, bytes, bytes]);
  assert.equal(made.rp.id, "live.example");
  const asked = requestOptions({ challenge: "-__-AA", timeout: 1, rpId: "live.example", allowCredentials: [], userVerification: "preferred" });
  assert.deepEqual([asked.challenge, asked.rpId, asked.userVerification], [bytes, "live.example", "preferred"]);
});

test("passkeys are for hosts with a name", () => {
  assert.deepEqual(["localhost", "live.example", "127.0.0.1", "[::1]"].map(isNamed), [true, true, false, false]);
});

test("a QR code has four light modules around it and begins with the finder pattern", () => {
  const { path, size } = modulesOf("otpauth://totp/a");
  assert.ok(path.startsWith("M4 4h1v1h-1zM5 4h1v1h-1z"));
  const places = path.match(/\d+ \d+/g)?.flatMap((place) => place.split(" ").map(Number)) ?? [];
  assert.deepEqual([Math.min(...places), Math.max(...places)], [4, size - 5]);
});
