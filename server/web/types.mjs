// Writes src/api/schema.ts, the types of the public API and of its Socket.IO events, from the OpenAPI and AsyncAPI
// documents that the server's own declarations make; and the same for the TypeScript client (clients/js).
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");
const OUTS = [join(import.meta.dirname, "src", "api", "schema.ts"), join(ROOT, "clients", "js", "src", "schema.ts")];

/** What `python -m server.describe` prints of this source tree. */
function described(...what) {
  const own = join(ROOT, ".venv", "bin", "python");
  const python = process.env["PYTHON"] ?? (existsSync(own) ? own : "python3");
  return JSON.parse(execFileSync(python, ["-m", "server.describe", ...what], { cwd: ROOT, maxBuffer: 1 << 26 }));
}

/** The interface that the references of the document at hand lead to. */
let namespace = "Schemas";

/** A JSON schema (2020-12, as OpenAPI 3.1 has it) as a type. */
function typeOf(schema) {
  if (schema === undefined || schema === true) return "unknown";
  if (schema.$ref) return `${namespace}["${schema.$ref.split("/").at(-1)}"]`;
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.map(typeOf))].join(" | ");
  if (schema.allOf) return schema.allOf.map((one) => `(${typeOf(one)})`).join(" & ");
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(" | ");
  return plainTypeOf(schema);
}

function plainTypeOf(schema) {
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "integer":
    case "number":
      return "number";
    case "array":
      return schema.prefixItems ? `[${schema.prefixItems.map(typeOf).join(", ")}]` : `(${typeOf(schema.items)})[]`;
    case "object":
      return objectOf(schema);
    default:
      return "unknown";
  }
}

function objectOf({ properties, required = [], additionalProperties }) {
  if (!properties) return `Record<string, ${typeof additionalProperties === "object" ? typeOf(additionalProperties) : "unknown"}>`;
  const members = Object.entries(properties).map(([name, schema]) => {
    const note = schema.description ? `/** ${schema.description.replaceAll("*/", "* /")} */ ` : "";
    return `${note}${JSON.stringify(name)}${required.includes(name) ? "" : "?"}: ${typeOf(schema)};`;
  });
  return `{ ${members.join(" ")} }`;
}

const contentOf = (holder) => Object.values(holder?.content ?? {})[0]?.schema;

function operationOf({ responses, requestBody, parameters = [] }) {
  const good = Object.entries(responses).filter(([status]) => status.startsWith("2"));
  const answers = good.map(([, response]) => (response.content ? typeOf(contentOf(response)) : "undefined"));
  const query = parameters.filter((one) => one.in === "query");
  const properties = Object.fromEntries(query.map(({ name, schema }) => [name, schema]));
  const required = query.filter((one) => one.required).map(({ name }) => name);
  return `{ answer: ${[...new Set(answers)].join(" | ") || "undefined"}; body: ${requestBody ? typeOf(contentOf(requestBody)) : "undefined"}; query: ${objectOf({ properties, required })} }`;
}

function written({ paths, components }) {
  const schemas = Object.entries(components.schemas).map(([name, schema]) => `  ${JSON.stringify(name)}: ${typeOf(schema)};`);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => `  /** ${method.toUpperCase()} ${path} */\n  ${JSON.stringify(one.operationId)}: ${operationOf(one)};`),
  );
  return [
    "/** Generated from the server's OpenAPI document by types.mjs: not kept in the repository, not to be changed by hand. */\n",
    `export interface Schemas {\n${schemas.join("\n")}\n}\n`,
    `/** By operationId: what a 2xx answer holds, and what is sent. */\nexport interface Operations {\n${operations.join("\n")}\n}\n`,
  ].join("\n");
}

const nameOf = (reference) => reference.$ref.split("/").at(-1);

/** By name: what a client sends and is acknowledged with, and what the server sends. */
function writtenEvents({ channels, operations, components }) {
  namespace = "EventSchemas";
  const schemas = Object.entries(components.schemas).map(([name, schema]) => `  ${JSON.stringify(name)}: ${typeOf(schema)};`);
  const payloadOf = (reference) => typeOf(components.messages[nameOf(channels[reference.$ref.split("/")[2]].messages[nameOf(reference)])].payload);
  const sent = [];
  const received = [];
  for (const { action, channel, messages, reply } of Object.values(operations)) {
    const name = JSON.stringify(channels[nameOf(channel)].address);
    if (action === "send") received.push(`  ${name}: ${payloadOf(messages[0])};`);
    else sent.push(`  ${name}: { body: ${payloadOf(messages[0])}; ack: ${payloadOf(reply.messages[0])} };`);
  }
  return [
    `export interface EventSchemas {\n${schemas.join("\n")}\n}\n`,
    `/** Events that the page sends. */\nexport interface ClientEvents {\n${sent.join("\n")}\n}\n`,
    `/** Events that the server sends. */\nexport interface ServerEvents {\n${received.join("\n")}\n}\n`,
  ].join("\n");
}

// On the command line: where to write, and files with the two documents in place of those of this source tree.
const [given, ...files] = process.argv.slice(2);
const [openapi, asyncapi] = files.length ? files.map((file) => JSON.parse(readFileSync(file, "utf8"))) : [described(), described("events")];
const text = `${written(openapi)}\n${writtenEvents(asyncapi)}`;
for (const out of given ? [given] : OUTS) if (!existsSync(out) || readFileSync(out, "utf8") !== text) writeFileSync(out, text);
