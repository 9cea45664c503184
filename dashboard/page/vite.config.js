import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "/",
  publicDir: "public",
  // What lies in web belongs to two pages and finds uPlot here.
  resolve: { alias: [{ find: /^uplot$/, replacement: here("node_modules/uplot") }] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    modulePreload: false,
    assetsInlineLimit: 0, // data: URLs are not of the page's own origin
    reportCompressedSize: true,
  },
});
