import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** licences puts the licences of what is built in beside it. */
const licences = {
  name: "licences",
  generateBundle() {
    const source = ["preact", "uplot"].map((name) => `${name}\n\n${readFileSync(here(`node_modules/${name}/LICENSE`), "utf8").trim()}\n`).join("\n\n");
    this.emitFile({ type: "asset", fileName: "licences.txt", source });
  },
};

export default defineConfig({
  base: "/",
  plugins: [licences],
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
