// Shows /openapi.json and sends requests to this server. Everything from the document is put in as text, never as markup.

import { eventSections } from "/docs/events.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const tokenInput = document.getElementById("token");

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function resolve(spec, value) {
  const path = value?.$ref?.split("/").slice(1);
  return path ? resolve(spec, path.reduce((node, key) => node[key], spec)) : value;
}

function typeName(spec, schema) {
  if (!schema) return "anything";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map((one) => typeName(spec, one)).join(" or ");
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeName(spec, schema.items)}`;
  return schema.format ? `${schema.type}, ${schema.format}` : schema.type ?? "anything";
}

function limits(schema) {
  const said = [];
  if (schema.minLength !== undefined || schema.maxLength !== undefined)
    said.push(`${schema.minLength ?? 0}–${schema.maxLength ?? "∞"} characters`);
  if (schema.minimum !== undefined || schema.maximum !== undefined)
    said.push(`${schema.minimum ?? "−∞"}–${schema.maximum ?? "∞"}`);
  if (schema.maxItems !== undefined) said.push(`at most ${schema.maxItems} items`);
  if (schema.default !== undefined) said.push(`default ${JSON.stringify(schema.default)}`);
  return said.join(", ");
}

export function example(spec, given, depth = 0) {
  const schema = resolve(spec, given);
  if (!schema || depth > 6) return null;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return example(spec, schema.anyOf[0], depth + 1);
  if (schema.type === "object") {
    const known = Object.entries(schema.properties ?? {});
    return Object.fromEntries(known.map(([name, one]) => [name, example(spec, one, depth + 1)]));
  }
  if (schema.type === "array") return [];
  return { integer: schema.minimum ?? 0, number: 0, boolean: false, string: "" }[schema.type] ?? null;
}

function table(caption, head, rows) {
  const header = make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  return make("table", { "aria-label": caption }, make("thead", {}, header), make("tbody", {}, ...body));
}

export function schemaView(spec, schema, seen = []) {
  const name = schema?.$ref ?? "";
  const shape = resolve(spec, schema);
  const inner = shape?.type === "array" ? shape.items : null;
  if (inner) return make("div", {}, make("p", {}, typeName(spec, shape)), schemaView(spec, inner, seen));
  if (!shape?.properties) return make("p", {}, typeName(spec, shape));
  const required = new Set(shape.required ?? []);
  const rows = Object.entries(shape.properties).map(([field, one]) => [
    make("code", {}, field + (required.has(field) ? "" : "?")),
    typeName(spec, one),
    [limits(one), one.description].filter(Boolean).join(". "),
  ]);
  const nested = Object.entries(shape.properties).flatMap(([field, one]) => nestedView(spec, field, one, [...seen, name]));
  return make("div", {}, table(typeName(spec, schema), ["Field", "Type", "Meaning"], rows), ...nested);
}

function nestedView(spec, field, schema, seen) {
  const target = [schema, schema.items, ...(schema.anyOf ?? [])].find((one) => one?.$ref && !seen.includes(one.$ref));
  if (!target || !resolve(spec, target).properties) return [];
  return [make("details", {}, make("summary", {}, `${field}: ${typeName(spec, target)}`), schemaView(spec, target, seen))];
}

function bodyOf(operation) {
  const content = operation.requestBody?.content;
  const type = content && Object.keys(content)[0];
  return type ? { type, schema: content[type].schema } : null;
}

function parameterFields(parameters) {
  return parameters.map((one) => {
    const input = make("input", { name: one.name, placeholder: String(one.example ?? one.schema?.default ?? "") });
    if (one.required) input.required = true;
    return { one, input, label: make("label", {}, `${one.name} (${one.in})`, input) };
  });
}

function request(path, method, fields, body, text) {
  const query = new URLSearchParams();
  const headers = new Headers();
  for (const { one, input } of fields) {
    if (one.in === "path") path = path.replace(`{${one.name}}`, encodeURIComponent(input.value));
    else if (input.value !== "" && one.in === "query") query.set(one.name, input.value);
    else if (input.value !== "") headers.set(one.name, input.value);
  }
  if (tokenInput.value) headers.set("Authorization", `Bearer ${tokenInput.value.trim()}`);
  if (body) headers.set("Content-Type", body.type);
  const url = path + (query.size ? `?${query}` : "");
  return { url, options: { method: method.toUpperCase(), headers, body: body ? text : undefined } };
}

async function show(output, { url, options }) {
  output.textContent = `${options.method} ${url} …`;
  const began = performance.now();
  try {
    const response = await fetch(url, options);
    const raw = await response.text();
    const isJson = /json/.test(response.headers.get("Content-Type") ?? "");
    const took = Math.round(performance.now() - began);
    const head = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const shown = isJson && raw ? JSON.stringify(JSON.parse(raw), null, 2) : raw;
    output.textContent = `${response.status} ${response.statusText} (${took} ms)\n${head}\n\n${shown}`;
  } catch (error) {
    output.textContent = `The request failed: ${error.message}`;
  }
}

function tryIt(spec, path, method, operation) {
  const fields = parameterFields((operation.parameters ?? []).map((one) => resolve(spec, one)));
  const body = bodyOf(operation);
  const text = body ? make("textarea", { spellcheck: "false" }) : null;
  if (text && /json/.test(body.type)) text.value = JSON.stringify(example(spec, body.schema), null, 2);
  const output = make("pre", { role: "status", tabindex: "0", "aria-label": "Answer" }, "The answer will be shown here.");
  const form = make("form", {}, make("h4", {}, "Try it"));
  if (fields.length) form.append(make("p", { class: "row" }, ...fields.map((one) => one.label)));
  if (text) form.append(make("label", {}, `Body (${body.type})`, text));
  form.append(make("p", {}, make("button", {}, `Send ${method.toUpperCase()}`)), output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(output, request(path, method, fields, body, text?.value));
  });
  return form;
}

function answers(spec, operation) {
  return Object.entries(operation.responses).map(([status, given]) => {
    const response = resolve(spec, given);
    const [type, media] = Object.entries(response.content ?? {})[0] ?? [];
    const title = make("summary", {}, make("span", { class: "status" }, status), ` ${response.description} `);
    if (type) title.append(make("span", { class: "quiet" }, type));
    return make("details", {}, title, media?.schema ? schemaView(spec, media.schema) : make("p", {}, "No content"));
  });
}

function fill(spec, path, method, operation) {
  const parameters = (operation.parameters ?? []).map((one) => resolve(spec, one));
  const rows = parameters.map((one) => [
    make("code", {}, one.name + (one.required ? "" : "?")),
    `${one.in}: ${typeName(spec, one.schema)}`,
    [limits(one.schema ?? {}), one.description].filter(Boolean).join(". "),
  ]);
  const body = bodyOf(operation);
  return [
    operation.description ? make("p", {}, operation.description) : null,
    parameters.length ? make("h4", {}, "Parameters") : null,
    parameters.length ? table("Parameters", ["Name", "Where and type", "Meaning"], rows) : null,
    body ? make("h4", {}, `Body: ${body.type}. ${operation.requestBody.description ?? ""}`) : null,
    body?.schema ? schemaView(spec, body.schema) : null,
    make("h4", {}, "Answers"),
    ...answers(spec, operation),
    tryIt(spec, path, method, operation),
  ].filter(Boolean);
}

function operationView(spec, path, method, operation) {
  const needs = operation.security?.some((one) => Object.keys(one).length) ? " 🔒" : "";
  const summary = make("summary", {}, make("span", { class: `method ${method}` }, method.toUpperCase()));
  summary.append(make("span", { class: "path" }, path), make("span", { class: "quiet" }, ` ${operation.summary}${needs}`));
  const view = make("details", { id: operation.operationId }, summary);
  view.dataset.words = `${method} ${path} ${operation.summary} ${operation.tags} ${operation.operationId}`.toLowerCase();
  view.addEventListener("toggle", () => {
    if (view.childElementCount === 1) view.append(...fill(spec, path, method, operation));
  });
  return view;
}

function sections(spec) {
  const byTag = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS.filter((one) => item[one])) {
      const tag = item[method].tags?.[0] ?? "other";
      byTag.set(tag, [...(byTag.get(tag) ?? []), operationView(spec, path, method, item[method])]);
    }
  }
  return [...byTag].map(([tag, views]) => make("section", { "aria-label": tag }, make("h2", {}, tag), ...views));
}

function find(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const view of document.querySelectorAll("[data-words]")) {
    view.hidden = !words.every((word) => view.dataset.words.includes(word));
    count += view.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("section"))
    section.hidden = !section.querySelector("[data-words]:not([hidden])");
  document.getElementById("found").textContent = words.length ? `${count} found` : "";
}

async function signIn(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const status = document.getElementById("session-status");
  const response = await fetch("/api/v1/auth/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ login: form.get("login"), password: form.get("password") }),
  });
  const answer = await response.json();
  if (response.ok) tokenInput.value = answer.access_token;
  status.textContent = response.ok ? `Signed in as ${answer.user.username}` : answer.detail;
}

async function begin() {
  const target = document.getElementById("operations");
  try {
    const spec = await (await fetch("/openapi.json")).json();
    document.getElementById("title").textContent = `${spec.info.title} API ${spec.info.version}`;
    document.getElementById("about").textContent = spec.info.description;
    const events = await (await fetch("/asyncapi.json")).json();
    target.replaceChildren(...sections(spec), ...eventSections(events, tokenInput));
    const linked = location.hash && document.getElementById(location.hash.slice(1));
    if (linked instanceof HTMLDetailsElement) linked.open = true;
  } catch (error) {
    target.replaceChildren(make("p", { role: "alert" }, `The description could not be loaded: ${error.message}`));
  }
}

document.getElementById("session").addEventListener("submit", signIn);
document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
begin();
