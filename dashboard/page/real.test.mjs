// Looks at a real controller: node real.test.mjs SKYNET FOLDER, where SKYNET is the
// program and FOLDER what skynet demo left behind, with its settings and its journal.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const [skynet, folder] = process.argv.slice(2).map((p) => resolve(p));
const port = await new Promise((done) => { const s = createServer().listen(0, "127.0.0.1", () => { const { port } = s.address(); s.close(() => done(port)); }); });
const url = `http://127.0.0.1:${port}`;

/** run starts the controller and waits until it answers. */
async function run() {
  let said = "";
  const child = spawn(skynet, ["run", "--config", join(folder, "skynet.yaml")], { env: { ...process.env, SKYNET_LISTEN: `127.0.0.1:${port}` } });
  child.stderr.on("data", (d) => { said += d; });
  const ended = new Promise((done) => child.on("exit", done));
  for (let i = 0; ; i++) {
    if (await fetch(url + "/healthz").then((r) => r.ok, () => false)) break;
    if (i > 100 || child.exitCode !== null) throw new Error("skynet run does not answer:\n" + said);
    await new Promise((r) => setTimeout(r, 100));
  }
  return async () => { child.kill("SIGTERM"); await ended; };
}

let stop = await run();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await (await browser.newContext({ viewport: { width: 1280, height: 1000 } })).newPage();
page.setDefaultTimeout(15_000);
const wrong = [];
let expected = /^$/;
page.on("console", (m) => expected.test(m.text()) || wrong.push(m.text()));
page.on("pageerror", (e) => wrong.push(e.message));
page.on("request", (r) => r.url().startsWith(url + "/") || wrong.push("asks for " + r.url()));
const text = (what) => page.locator(what).first().innerText();

const tests = {
  async "the fleet is there, with what it promised"() {
    await page.goto(url + "/#range=1h");
    await page.locator(".tiles").waitFor();
    assert.match(await text(".verdict .said"), /All is well/);
    assert.match(await text(".promise"), /95% start within 5m/);
    await page.waitForFunction(() => document.querySelectorAll(".charts canvas").length >= 4);
    for (const n of await page.$$eval(".charts canvas", (all) => all.map((c) => new Set(new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer)).size))) assert.ok(n > 3);
  },

  async "ticks come by themselves"() {
    const at = () => page.locator(".decision time").getAttribute("datetime");
    const first = await at();
    await page.waitForFunction((f) => document.querySelector(".decision time").dateTime !== f, first);
    await page.waitForFunction(() => /^\S\s+live ·/.test(document.querySelector(".heard").innerText));
  },

  async "a launch tells why, what was done and what was known"() {
    await page.locator(".ticks tbody tr", { hasText: "launch" }).locator(".link").first().click();
    await page.locator(".drawer .wants").waitFor();
    const said = await text(".drawer");
    for (const part of [/backlog\s+largest|backlog\s+\d/, /launch \d of \d i-[0-9a-f]+/, /queue\.visible\s+\d+ items/, /unknown/]) assert.match(said, part);
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
  },

  async "signals have units, ages and reasons"() {
    await page.getByRole("tab", { name: "Signals" }).click();
    await page.locator(".signals tbody tr").first().waitFor();
    assert.ok(await page.locator(".signals tbody tr").count() > 50);
    assert.match(await text(".signals"), /cost\.per_hour\s+unknown\s+\S/);
  },

  async "a wrong token changes nothing, the right one pauses, journalled with who"() {
    expected = /401|403|429/;
    await page.getByRole("button", { name: "Pause or hold…" }).click();
    const form = page.locator("dialog.orders");
    await form.getByLabel("Why").fill("a test looks");
    await form.getByLabel("Token").fill("guess");
    await form.getByRole("button", { name: "Pause", exact: true }).click();
    await page.waitForFunction(() => /token/.test(document.querySelector(".orders [role=alert]").textContent));
    assert.equal(await fetch(url + "/api/v1/status").then((r) => r.json()).then((s) => s.fleets[0].pause), null);
    expected = /^$/;
    await form.getByLabel("Token").fill(readFileSync(join(folder, "state/token"), "utf8").trim());
    await form.getByRole("button", { name: "Pause", exact: true }).click();
    await form.waitFor({ state: "detached" });
    await page.locator(".standing").waitFor();
    assert.match(await text(".standing"), /Paused\s+until .*left, given by .*: “a test looks”/s);
    assert.match(JSON.parse(readFileSync(join(folder, "state/orders.json"), "utf8")).render.pause.why, /a test looks/);
    await page.waitForFunction(() => /freeze|paused/.test(document.querySelector(".decision").innerText));
  },

  async "a resume ends the pause"() {
    await page.getByRole("button", { name: "Resume…" }).click();
    const form = page.locator("dialog.orders");
    await form.getByRole("button", { name: "Resume", exact: true }).click();
    await form.waitFor({ state: "detached" });
    await page.locator(".standing").waitFor({ state: "detached" });
  },

  async "a floor has a worker come, seen as it does, and go when it ends"() {
    await page.getByRole("button", { name: "Pause or hold…" }).click();
    const form = page.locator("dialog.orders");
    await form.getByLabel("Keep at least").check();
    await form.getByLabel("Workers").fill("1");
    await form.getByLabel("Why").fill("a test looks");
    await form.getByRole("button", { name: "Keep them" }).click();
    await form.waitFor({ state: "detached" });
    assert.match(await text(".standing"), /At least 1 worker\s+until/);
    await page.waitForFunction(() => /1\s+worker serving/.test(document.querySelector(".tile.workers").innerText));
    await page.waitForFunction(() => /working\s+1/.test(document.querySelector(".tile.workers").innerText), null, { timeout: 30_000 });
    await page.getByRole("tab", { name: "Workers" }).click();
    assert.match(await text(".workers.list tbody"), /i-[0-9a-f]+\s+working\s+0 \/ 1/);
    await page.getByRole("button", { name: "End it…" }).click();
    await form.getByRole("button", { name: "End the floor" }).click();
    await form.waitFor({ state: "detached" });
    await page.waitForFunction(() => /0\s+workers serving/.test(document.querySelector(".tile.workers").innerText), null, { timeout: 40_000 });
  },

  async "gone and back"() {
    expected = /Failed to load|ERR_|50[0-9]/;
    await stop();
    await page.waitForFunction(() => /connection lost · numbers are/.test(document.querySelector(".heard").innerText));
    stop = await run();
    await page.waitForFunction(() => /^\S\s+live ·/.test(document.querySelector(".heard").innerText), null, { timeout: 40_000 });
    expected = /^$/;
  },

  async "the console had nothing to say"() {
    assert.deepEqual(wrong, []);
  },
};

/** leaveNobody ends what a test that failed may have left: workers outlive their controller. */
async function leaveNobody() {
  const headers = { "Content-Type": "application/json", Authorization: "Bearer " + readFileSync(join(folder, "state/token"), "utf8").trim() };
  const order = (what, body) => fetch(`${url}/api/v1/${what}`, { method: "POST", headers, body: JSON.stringify({ fleet: "render", why: "a test ends", ...body }) });
  await order("want", { workers: 0 });
  await order("resume", {});
  for (let i = 0; i < 60; i++) {
    const { fleets } = await fetch(url + "/api/v1/status").then((r) => r.json());
    if (fleets[0].workers.every((w) => w.state === "leaving")) return;
    await new Promise((r) => setTimeout(r, 1000));
  }
  console.log("FAIL workers are left in " + folder);
  failed++;
}

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log("ok   " + name);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}\n     ${e.stack}`);
    await page.keyboard.press("Escape");
  }
}
await browser.close();
await leaveNobody();
await stop();
process.exit(failed ? 1 : 0);
