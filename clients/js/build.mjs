// Writes dist: the types of the server's declarations, and the modules. The tools are those of the web client
// (`make web` fetches them). On the command line: another folder in place of dist.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";

const HERE = import.meta.dirname;
const WEB = join(HERE, "..", "..", "server", "web");
const out = process.argv[2] ?? join(HERE, "dist");

const run = (...command) => execFileSync(process.execPath, command, { cwd: HERE, stdio: "inherit" });

rmSync(out, { recursive: true, force: true });
run(join(WEB, "types.mjs"), join(HERE, "src", "schema.ts"));
run(join(WEB, "node_modules", "typescript", "bin", "tsc"), "--project", HERE, "--outDir", out);
