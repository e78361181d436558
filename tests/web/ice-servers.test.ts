import assert from "node:assert/strict";
import { test } from "node:test";
import { iceServersOf, linkOf } from "@web/features/player/ice-servers";

test("the servers of a Link header are those that a connection takes, with their credentials", () => {
  const header = [
    '<stun:ice.test:3478>; rel="ice-server"',
    '<turn:ice.test:3478?transport=udp>; rel="ice-server"; username="1700000600:ada"; credential="a+b/c="; credential-type="password"',
    "</elsewhere>; rel=next",
  ].join(", ");
  assert.deepEqual(iceServersOf(header), [
    { urls: "stun:ice.test:3478" },
    { urls: "turn:ice.test:3478?transport=udp", username: "1700000600:ada", credential: "a+b/c=" },
  ]);
});

test("what a connection would not take is passed over", () => {
  for (const header of [null, "", "<", '<http://ice.test>; rel="ice-server"', '<turn:ice.test>; rel="ice-server"', "<stun:ice.test>; rel=other"]) {
    assert.deepEqual(iceServersOf(header), []);
  }
});

test("the address of an extension is found beside the servers", () => {
  const header = '<stun:a.test>; rel="ice-server", </whep/sessions/x/layer>; rel="urn:ietf:params:whep:ext:core:layer"';
  assert.equal(linkOf(header, "urn:ietf:params:whep:ext:core:layer"), "/whep/sessions/x/layer");
  assert.equal(linkOf(header, "urn:ietf:params:whep:ext:core:other"), null);
  assert.equal(linkOf(null, "ice-server"), null);
});
