import { defineConfig } from "vite";

const server = process.env["SOCIALFLOW_ADDRESS"] ?? "http://127.0.0.1:8080";
const proxied = ["/api", "/hls", "/whip", "/whep", "/vod", "/docs", "/openapi.json"];

export default defineConfig({
  build: {
    outDir: "dist",
    target: ["chrome123", "firefox128", "safari17.5"],
    // The page's content security policy allows no inline script, style or data: font.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      ...Object.fromEntries(proxied.map((path) => [path, server])),
      "/socket.io": { target: server, ws: true },
    },
  },
});
