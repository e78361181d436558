import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { features } from "@web/features";
import type { Message, Messages } from "@web/i18n/catalogue";
import { LANGUAGES, type Label } from "@web/i18n/language";
import arabic from "@web/i18n/ar";

const PLACEHOLDER = /\{(\w+)\}/g;
const ENGLISH_FORMS = ["one", "other"];
const ARABIC_FORMS = ["zero", "one", "two", "few", "many", "other"];

const catalogues = import.meta.glob<{ default: Messages }>("@web/**/en.ts", { eager: true });
const english = new Map(Object.entries(catalogues).map(([path, { default: messages }]) => [dirname(path).split("/").at(-1) ?? "", messages]));

const formsOf = (message: Message): Record<string, string> => (typeof message === "string" ? { text: message } : (message as Record<string, string>));
const placeholdersOf = (message: Message): string[] => [
  ...new Set(Object.values(formsOf(message)).flatMap((text) => [...text.matchAll(PLACEHOLDER)].map((found) => found[1] ?? ""))),
];

function each(check: (where: string, message: Message, other: Message) => void): void {
  for (const [name, messages] of english) {
    const others = (arabic as Record<string, Messages>)[name] ?? {};
    for (const [key, message] of Object.entries(messages)) check(`${name}.${key}`, message, others[key] ?? "");
  }
}

test("every catalogue is there in both languages, with the same messages", () => {
  assert.deepEqual([...english.keys()].sort(), Object.keys(arabic).sort());
  for (const [name, messages] of english) {
    assert.deepEqual(Object.keys((arabic as Record<string, Messages>)[name] ?? {}).sort(), Object.keys(messages).sort(), name);
  }
});

test("a translated message holds the placeholders of the original", () => {
  each((where, message, other) => {
    assert.deepEqual(placeholdersOf(other).sort(), placeholdersOf(message).sort(), where);
  });
});

test("a message with a number has every plural form of its language, and in each the other placeholders", () => {
  each((where, message, other) => {
    if (typeof message === "string") return assert.equal(typeof other, "string", where);
    assert.deepEqual(Object.keys(message), ENGLISH_FORMS, where);
    assert.deepEqual(Object.keys(other), ARABIC_FORMS, where);
    const others = placeholdersOf(message).filter((name) => name !== "n");
    for (const text of [...Object.values(formsOf(message)), ...Object.values(formsOf(other))]) {
      for (const name of others) assert.ok(text.includes(`{${name}}`), `${where}: ${text}`);
    }
  });
});

/** Names and signs that are the same in every language. */
const SAME = new Set(["shell.brand", "shell.brandFlow", "studio.numbered"]);

test("no message is left in English", () => {
  each((where, message, other) => {
    if (SAME.has(where)) return;
    for (const text of Object.values(formsOf(other))) {
      assert.match(text.replace(PLACEHOLDER, ""), /\p{Script=Arabic}|^$/u, where);
      assert.notEqual(text, message, where);
    }
  });
});

test("what the list of features shows is there in both languages", () => {
  const labels: Label[] = features.flatMap(({ nav = [], settings = [], admin = [] }) => [...nav, ...settings, ...admin].map(({ label }) => label));
  assert.ok(labels.length > 4);
  for (const label of labels) {
    assert.deepEqual(Object.keys(label).sort(), [...LANGUAGES].sort());
    assert.match(label.ar, /\p{Script=Arabic}/u);
    assert.doesNotMatch(label.en, /\p{Script=Arabic}/u);
  }
});

// The sources, read as syntax trees

interface Node {
  type: string;
  [field: string]: unknown;
}

interface Source {
  path: string;
  tree: Node;
}

const TREES = process.env["SOCIALFLOW_WEB_TREES"] ?? "";
const sources: Source[] = (JSON.parse(readFileSync(TREES, "utf8")) as Source[]).filter(({ path }) => !/(\/(en|ar)|^api\/schema)\.ts$/.test(path));

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && typeof (value as Node).type === "string";

function walk(node: Node, visit: (node: Node, above: Node[]) => void, above: Node[] = []): void {
  visit(node, above);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit, [...above, node]);
  }
}

/** The text of a string literal or of a template without its expressions. */
function textOf(node: Node): string | null {
  if (node.type === "Literal" && typeof node["value"] === "string") return node["value"];
  if (node.type !== "TemplateLiteral") return null;
  return (node["quasis"] as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join(" ");
}

test("no message is unused", () => {
  const strings = new Map<string, Set<string>>();
  for (const { path, tree } of sources) {
    const folder = dirname(path).split("/").at(-1) ?? "";
    const found = strings.get(folder) ?? new Set();
    walk(tree, (node) => found.add(textOf(node) ?? ""));
    strings.set(folder, found);
  }
  for (const [name, messages] of english) {
    const unused = Object.keys(messages).filter((key) => !strings.get(name)?.has(key));
    assert.deepEqual(unused, [], name);
  }
});

/** Attributes and properties whose text a person sees or hears. */
const SPOKEN = /^(aria-label|aria-valuetext|aria-description|title|placeholder|alt|label|legend|hint|summary|action|text|detail|message)$/;
/** Functions whose text a person sees. */
const SHOWING = /^(toast|confirm|alert|useTitle|Error|Unplayable)$/;
const LETTERS = /\p{L}{2}/u;
const SENTENCE = /^\p{Lu}\p{Ll}*\P{L}+\p{L}{2}/u;
/** Names that are written so in every language, and texts that are no words. */
const NAMES = /^(Social Flow|WebRTC|LL-HLS|Dolby Digital( Plus)?|auth: \{trace: true\}|Idempotency-Key|https?:\S+|--[\w-]+|\/\S*)$/;

const nameOf = (node: unknown): string => {
  const named = node as Node | undefined;
  return String(named?.["name"] ?? named?.["value"] ?? (named?.["property"] as Node | undefined)?.["name"] ?? "");
};

/** Whether the text at the end of `above` is shown: what stands nearest to it decides. */
function isShown(above: Node[], text: string): boolean {
  for (const [index, node] of [...above.entries()].reverse()) {
    const inner = above[index + 1];
    if (node.type === "JSXAttribute") return SPOKEN.test(nameOf(node["name"]));
    if (node.type === "CallExpression" || node.type === "NewExpression") {
      return inner === (node["arguments"] as Node[])[0] && SHOWING.test(nameOf(node["callee"]));
    }
    if (["MemberExpression", "BinaryExpression", "TSLiteralType", "ImportDeclaration", "ImportExpression", "ExportAllDeclaration"].includes(node.type)) return false;
    if (node.type === "ConditionalExpression" && inner === node["test"]) return false;
    if (node.type === "JSXExpressionContainer" && above[index - 1]?.type !== "JSXAttribute") return true;
  }
  return SENTENCE.test(text);
}

/** A label of the list of features, which holds every language. */
const isLabel = (above: Node[]): boolean => ["en", "ar"].includes(nameOf(above.findLast(({ type }) => type === "Property")?.["key"]));

test("no text that a person sees is written outside of the catalogues", () => {
  const found: string[] = [];
  for (const { path, tree } of sources) {
    walk(tree, (node, above) => {
      const text = (node.type === "JSXText" ? String(node["value"]) : textOf(node))?.trim();
      if (!text || !LETTERS.test(text) || NAMES.test(text) || isLabel(above)) return;
      if (node.type === "JSXText" || isShown(above, text)) found.push(`${path}: ${text}`);
    });
  }
  assert.deepEqual(found, []);
});
