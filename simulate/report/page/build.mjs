// Builds ../page.html, the one file that reports are made from: the script and the
// style inside it, allowed by their hashes alone, and nothing from anywhere else.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const here = (name) => new URL(name, import.meta.url);

async function bundle(entry, format) {
  const out = await build({
    entryPoints: [here(entry).pathname], bundle: true, minify: true, write: false,
    nodePaths: [here("node_modules").pathname], // for what lies in web
    format, target: "es2022", charset: "utf8", legalComments: "none",
  });
  return out.outputFiles[0].text.trim();
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const script = await bundle("main.ts", "iife");
const style = await bundle("style.css");
for (const [name, text] of [["script", script], ["style", style]]) {
  const bad = text.match(/<\/(script|style)|<!--|@payload@|https?:/i);
  if (bad) throw new Error(`the ${name} holds ${bad[0]}, which a page cannot hold`);
}
const parts = {
  policy: `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`,
  licence: readFileSync(here("node_modules/uplot/LICENSE"), "utf8").trim(),
  script, style,
};
const page = readFileSync(here("template.html"), "utf8").replace(/@(policy|licence|script|style)@/g, (_, name) => parts[name]);
writeFileSync(here("../page.html"), page);
