// Bundles each *.test.ts of this folder with the client's own build tool and runs them with node's test runner.
// What a module of the client opens for the life of its page (a BroadcastChannel) must not keep the runner waiting.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const client = join(here, "..", "..", "server", "web");
const vite = createRequire(join(client, "package.json")).resolve("vite");
const { build, parseAst } = await import(pathToFileURL(vite).href);

const out = mkdtempSync(join(tmpdir(), "socialflow-web-"));
const tests = readdirSync(here).filter((name) => name.endsWith(".test.ts"));

/** The syntax trees of the client's sources, for tests about how it is written. */
function writeTrees(file) {
  const folder = join(client, "src");
  const names = readdirSync(folder, { recursive: true }).filter((name) => /\.tsx?$/.test(name));
  const trees = names.map((name) => {
    const text = readFileSync(join(folder, name), "utf8");
    return { path: name, tree: parseAst(text, { lang: name.endsWith("x") ? "tsx" : "ts" }) };
  });
  writeFileSync(file, JSON.stringify(trees));
  return file;
}

try {
  await build({
    root: client,
    configFile: false,
    publicDir: false,
    logLevel: "error",
    build: {
      ssr: true,
      outDir: out,
      rollupOptions: { input: tests.map((name) => join(here, name)), output: { entryFileNames: "[name].mjs" } },
    },
    resolve: { alias: { "@web": join(client, "src") }, dedupe: ["yjs"] },
    ssr: { noExternal: true },
  });
  const files = tests.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
  const env = { ...process.env, SOCIALFLOW_WEB_TREES: writeTrees(join(out, "trees.json")), SOCIALFLOW_WEB: client };
  const { status } = spawnSync(process.execPath, ["--test", "--test-force-exit", ...files], { stdio: "inherit", env });
  process.exitCode = status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
