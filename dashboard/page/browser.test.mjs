// Looks at the dashboard in a real browser: node browser.test.mjs [PART OF A TEST'S NAME]. Behind it
// is a made-up controller (fixture.mjs), which can fail on demand; real.test.mjs looks at
// a real one.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { World, secret, serve } from "./fixture.mjs";

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** open shows the page of a world. Whatever the console says is an error, but for what is expected. */
async function open({ world = new World(), at = "", width = 1280, height = 900, dark = false, expect = /^$/, motion = "reduce", port = 0 } = {}) {
  const served = await serve(world, port);
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", hasTouch: width < 600, timezoneId: "Europe/Berlin", reducedMotion: motion });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (m) => expect.test(m.text()) || wrong.push(m.text()));
  page.on("pageerror", (e) => wrong.push(e.message));
  page.on("request", (r) => r.url().startsWith(served.url + "/") || wrong.push("asks for " + r.url()));
  page.setDefaultTimeout(15_000);
  await page.goto(served.url + "/" + at);
  await page.locator("main").waitFor();
  const end = async () => {
    assert.deepEqual(wrong, []);
    await context.close();
    await served.close();
  };
  return { page, world, served, wrong, end };
}

const charts = (page, n = 5) => page.waitForFunction((n) => document.querySelectorAll(".charts canvas").length === n, n).then(() => page.waitForTimeout(150));
const colours = (page) => page.$$eval(".charts canvas", (all) => all.map((c) => new Set(new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer)).size));
const picture = (page, n) => page.$$eval(".charts canvas", (all, i) => all[i].toDataURL(), n);
const text = (page, what) => page.locator(what).first().innerText();
const settle = (page) => page.waitForTimeout(400);

/** until waits for something to become so: machines may be busy. */
async function until(is, what) {
  for (let i = 0; i < 100; i++) {
    if (await is()) return;
    await new Promise((r) => setTimeout(r, 100));
  }
  assert.fail("it never came that " + what);
}

async function over(page, chart, share) {
  const target = page.locator(`.chart.${chart} .u-over`);
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  await page.mouse.move(box.x + share * box.width, box.y + box.height / 2);
}

/** sound runs axe over what is shown. */
async function sound(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(found.violations.map((v) => `${what}: ${v.id}: ${v.nodes.map((n) => n.target + " " + (n.any[0]?.message ?? "")).slice(0, 4).join(" | ")}`), []);
}

async function fits(page, what) {
  const [has, may] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(has <= may, `${what} is ${has} wide on ${may}`);
}

const tests = {
  async "it shows the fleet, without a word on the console"() {
    const { page, end } = await open();
    await charts(page);
    for (const n of await colours(page)) assert.ok(n > 8);
    assert.match(await text(page, ".verdict .said"), /All is well/);
    assert.match(await text(page, ".promise"), /the oldest item of photos waits[\s\S]*99% start within 2m/);
    assert.match(await text(page, ".decision"), /launch 2[\s\S]*have \d+ → want \d+[\s\S]*slo [\d,]+ items/);
    assert.match(await text(page, ".tile.workers"), /working[\s\S]*asleep[\s\S]*slots at work/);
    assert.match(await text(page, ".cost"), /an hour, of 12\.00[\s\S]*41\.37 of 120\.00/);
    assert.match(await text(page, ".heard"), /live · as of \d\d:\d\d/);
    assert.match(await text(page, ".toolbar"), /UTC\+[12]/);
    assert.match(await page.title(), /^render: All is well/);
    await end();
  },

  async "each range draws, and is in the address"() {
    const { page, end } = await open();
    const seen = new Set();
    for (const range of ["1h", "6h", "24h", "7d", "5w"]) {
      await page.getByRole("button", { name: range, exact: true }).click();
      await charts(page);
      await settle(page);
      for (const n of await colours(page)) assert.ok(n > 8, range);
      seen.add(await picture(page, 0));
      assert.equal(new URL(page.url()).hash, range === "6h" ? "" : "#range=" + range);
    }
    assert.equal(seen.size, 5);
    await end();
  },

  async "a click on a minute tells all of it; Escape goes back to the chart"() {
    const { page, end } = await open();
    await charts(page);
    await over(page, "waiting", 0.3);
    await page.mouse.down();
    await page.mouse.up();
    const drawer = page.locator("dialog.drawer");
    await drawer.locator(".wants").waitFor();
    const said = await drawer.innerText();
    for (const part of [/slo[\s\S]*all start within 2m/, /sunday[\s\S]*no schedule is on/, /bounds \d+ is within/, /What was done/, /What it knew/, /queue\.visible/, /skynet explain --decision render-/]) assert.match(said, part);
    assert.match(page.url(), /#fleet=render&tick=render-\d{8}T\d{6}\.000Z/);
    await sound(page, "drawer");
    const when = await text(page, "#minute");
    await page.getByRole("button", { name: "the tick before" }).click();
    await page.waitForFunction((w) => document.querySelector("#minute").innerText !== w, when);
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((w) => document.querySelector("#minute").innerText === w, when);
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    assert.doesNotMatch(page.url(), /tick=/);
    await end();
  },

  async "a link to a minute opens it, and the way back closes it"() {
    const world = new World({ names: ["assembly", "render"] }), t = Math.floor(world.now() / 60) * 60 - 3600;
    const id = world.line("render", t).id;
    world.then = ["heard for the first time within 1m34s: i-0a1b2c3d4e5f0"];
    const { page, end } = await open({ world, at: "#tick=" + id });
    await page.locator(".drawer .deed").waitFor();
    assert.match(await text(page, ".drawer"), new RegExp("What came of it\\s+heard for the first time[\\s\\S]*" + id));
    assert.match(page.url(), /#fleet=render&tick=/);
    await page.getByRole("button", { name: "close" }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    assert.equal(await text(page, "h1"), "render");
    await page.locator(".ticks .link").first().click();
    await page.locator(".drawer .deed").waitFor();
    await page.goBack();
    await page.locator("dialog").waitFor({ state: "detached" });
    await end();
  },

  async "the keyboard does all that the mouse does"() {
    const { page, end } = await open();
    await charts(page);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "to the content");
    const plot = page.locator(".chart.age .plot");
    await plot.focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press("Shift+ArrowLeft");
    await page.waitForFunction(() => /Items, waiting/.test(document.querySelector(".past .unseen").textContent));
    const before = await picture(page, 1);
    await page.keyboard.press("+");
    await until(async () => await picture(page, 1) !== before, "plus zooms");
    await page.keyboard.press("0");
    await settle(page);
    await page.keyboard.press("Enter");
    await page.locator(".drawer .deed").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    assert.ok(await plot.evaluate((e) => e === document.activeElement), "the focus is back on the chart");
    await page.getByRole("tab", { name: "Ticks" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.locator(".workers.list").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "tab-workers");
    await end();
  },

  async "drag zooms all charts and the list of ticks, double click shows all"() {
    const t = Math.floor(Date.now() / 60_000) * 60 + 20; // no tick comes meanwhile
    const { page, end } = await open({ world: new World({ clock: () => t }) });
    await charts(page);
    await settle(page);
    const note = () => text(page, ".lists [role=status]");
    const first = await note(), fleet = await picture(page, 2);
    await over(page, "waiting", 0.4);
    await page.mouse.down();
    await over(page, "waiting", 0.5);
    await page.mouse.up();
    await until(async () => await note() !== first, "the list is of what is zoomed");
    await settle(page);
    assert.equal(await page.locator("dialog").count(), 0, "a drag is no click");
    const newest = await page.locator(".ticks tbody time").first().getAttribute("datetime");
    assert.ok(Date.now() - Date.parse(newest) > 2 * 3_600_000, "the list ends where the charts do: " + newest);
    assert.notEqual(await picture(page, 2), fleet);
    await page.locator(".chart.fleet .u-over").dblclick();
    await until(async () => await note() === first, "two clicks show all");
    await settle(page);
    assert.equal(await page.locator("dialog").count(), 0, "two clicks are not one");
    await end();
  },

  async "what is unknown says so and why, and is never 0"() {
    const world = new World();
    const queue = { ...world.fleet("render", 0).queues[0], visible: null, oldest_age: null, unknown: { visible: "SQS answered 503", oldest_age: "nothing was received yet" } };
    world.patch = { queues: [queue], cost_hourly: null, spent_today: null, blind: true, why_blind: "queue.visible is unknown: SQS answered 503" };
    const { page, end } = await open({ world, at: "#view=signals" });
    await page.locator(".signals").waitFor();
    assert.match(await text(page, ".promise .big"), /^unknown/);
    assert.match(await text(page, ".cost .big"), /^unknown/);
    assert.match(await text(page, ".verdict"), /It is blind[\s\S]*SQS answered 503[\s\S]*lets nobody go/);
    await page.locator(".promise .whys summary").click();
    assert.match(await text(page, ".promise .whys"), /SQS answered 503[\s\S]*nothing was received yet/);
    await page.getByRole("searchbox").fill("spot_price");
    assert.match(await text(page, ".signals tbody"), /cost\.spot_price\s+unknown\s+no Spot offer has been asked for yet/);
    await page.getByRole("searchbox").fill("upload");
    assert.match(await text(page, ".signals tbody"), /unknown[\s\S]*stale: measured/);
    await page.getByRole("searchbox").fill("nothing like it");
    assert.match(await text(page, ".view"), /No signal's name or note/);
    await page.getByRole("searchbox").fill("");
    assert.match(await text(page, ".signals tbody"), /work\.bytes_in\s+48\.1 MB\/s/);
    await sound(page, "signals");
    await end();
  },

  async "nothing is stacked on what is unknown"() {
    const painted = (page) => page.$$eval(".charts canvas", (all) => {
      const { data } = all[2].getContext("2d").getImageData(0, 0, all[2].width, all[2].height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i] === 0xb6 && data[i + 1] === 0xbe && data[i + 2] === 0xc8) n++;
      return n;
    });
    for (const [unknown, some] of [[[], true], [["fleet.running"], false]]) {
      const { page, end } = await open({ world: new World({ unknown }) });
      await charts(page);
      assert.equal(await painted(page) > 50, some, `asleep is ${some ? "" : "not "}drawn where ${unknown} is unknown`);
      assert.equal(/running:?\s*unknown/.test(await text(page, ".chart.fleet .u-legend")), !some);
      await end();
    }
  },

  async "workers can be searched, and a draining one leads to the tick that asked"() {
    const { page, end } = await open({ at: "#view=workers" });
    await page.locator(".workers.list").waitFor();
    await sound(page, "workers");
    await page.getByRole("searchbox").fill("draining");
    assert.equal(await page.locator(".workers.list tbody tr").count(), 1);
    await page.locator(".workers.list").getByRole("button", { name: "why" }).click();
    await page.locator(".drawer .deed").waitFor();
    await end();
  },

  async "a chart is a table too"() {
    const { page, end } = await open();
    await charts(page);
    await page.locator(".chart.age summary").click();
    await page.locator(".chart.age .as-table tbody tr").first().waitFor();
    const rows = await page.locator(".chart.age .as-table tbody tr").count();
    assert.ok(rows > 20 && rows <= 41, String(rows));
    assert.match(await text(page, ".chart.age .as-table tbody"), /\d\d:\d\d\s+.*(s|m)/);
    await sound(page, "table");
    await end();
  },

  async "a pause wants a reason and the right token, and says what it does"() {
    const { page, world, end } = await open({ expect: /401/ });
    await charts(page);
    await page.getByRole("button", { name: "Pause or hold…" }).click();
    const form = page.locator("dialog.orders");
    assert.match(await form.innerText(), /From the next tick until \d\d:\d\d[\s\S]*nothing is launched, drained or let go/);
    await sound(page, "orders");
    await form.getByRole("button", { name: "Pause" }).click();
    assert.match(await form.locator("[role=alert]").innerText(), /Say why/);
    await form.getByLabel("Why").fill("kernel update");
    await form.getByLabel("Token").fill("guess");
    await form.getByRole("button", { name: "Pause" }).click();
    await page.waitForFunction(() => /token is wrong/.test(document.querySelector(".orders [role=alert]").textContent));
    assert.deepEqual(world.sent, []);
    await form.getByLabel("1h", { exact: true }).check();
    await form.getByLabel("Token").fill(secret);
    await form.getByRole("button", { name: "Pause" }).click();
    await form.waitFor({ state: "detached" });
    assert.deepEqual(world.sent, [{ kind: "pause", fleet: "render", why: "kernel update", for: "1h" }]);
    await page.locator(".standing").waitFor();
    assert.match(await text(page, ".standing"), /Paused\s+until .*\d\d:\d\d.*left, given by api from 127\.0\.0\.1: “kernel update”/s);
    assert.match(await page.title(), /Paused/);
    await sound(page, "paused");
    await page.getByRole("button", { name: "Resume…" }).click();
    await form.getByRole("button", { name: "Resume" }).click();
    await form.waitFor({ state: "detached" });
    await page.locator(".standing").waitFor({ state: "detached" });
    assert.equal(world.sent.at(-1).kind, "resume");
    await end();
  },

  async "a floor says how many come, within the bounds, and can be ended"() {
    const { page, world, end } = await open();
    await page.getByRole("button", { name: "Pause or hold…" }).click();
    const form = page.locator("dialog.orders");
    await form.getByLabel("Keep at least").check();
    await form.getByLabel("Workers").fill("400");
    assert.match(await form.locator(".effect").innerText(), /kept at 40 at least: bounds\.max/);
    await form.getByLabel("Workers").fill("30");
    assert.match(await form.locator(".effect").innerText(), /\d+ more are launched or woken/);
    await form.getByLabel("other").check();
    const length = form.getByLabel(/length of time/);
    await length.fill("soon");
    await form.getByLabel("Why").fill("the fair");
    await form.getByLabel("Token").fill(secret);
    await form.getByRole("button", { name: "Keep them" }).click();
    assert.match(await form.locator("[role=alert]").innerText(), /such as 45m/);
    await length.fill("2h30m");
    await form.getByRole("button", { name: "Keep them" }).click();
    await form.waitFor({ state: "detached" });
    assert.deepEqual(world.sent, [{ kind: "want", fleet: "render", why: "the fair", for: "2h30m", workers: 30 }]);
    assert.match(await text(page, ".standing"), /At least 30 workers\s+until .*2h30m left/s);
    await page.getByRole("button", { name: "End it…" }).click();
    await form.getByRole("button", { name: "End the floor" }).click();
    await page.locator(".standing").waitFor({ state: "detached" });
    await end();
  },

  async "new ticks come by themselves"() {
    let shift = 0;
    const world = new World({ clock: () => Date.now() / 1000 + shift });
    const { page, end } = await open({ world });
    await charts(page);
    const top = () => text(page, ".decision h2");
    const first = await top(), drawn = await picture(page, 0);
    shift = 60 * 30;
    world.tell("tick", { fleet: "render", id: "x", at: "" });
    await page.waitForFunction((f) => document.querySelector(".decision h2").innerText.slice(0, 18) !== f.slice(0, 18), first);
    await until(async () => await picture(page, 0) !== drawn, "charts have the new points");
    await end();
  },

  async "a lost connection says so and how old the numbers are, until it is back"() {
    const { page, world, served, wrong } = await open({ world: new World({ interval: 1 }), expect: /Failed to load|ERR_/ });
    await charts(page);
    const port = Number(new URL(served.url).port);
    await served.close();
    await page.waitForFunction(() => /connection lost · numbers are/.test(document.querySelector(".heard").innerText));
    await page.waitForTimeout(9000);
    assert.ok(await page.locator(".tiles").isVisible(), "what was known stays");
    assert.match(await text(page, ".verdict"), /All is well/, "a page that hears nothing does not say that nothing ticks");
    assert.match(await text(page, ".heard"), /numbers are \d+ s old/);
    const again = await serve(world, port);
    await page.waitForFunction(() => /^\S\s+live/.test(document.querySelector(".heard").innerText), null, { timeout: 20_000 });
    assert.deepEqual(wrong, []);
    await page.context().close();
    await again.close();
  },

  async "a tab that nobody looks at holds no connection"() {
    const { page, world, end } = await open();
    await charts(page);
    const show = (hidden) => page.evaluate((h) => { Object.defineProperty(document, "hidden", { value: h, configurable: true }); document.dispatchEvent(new Event("visibilitychange")); }, hidden);
    await until(() => world.streams.size === 1, "it listens");
    await show(true);
    await until(() => world.streams.size === 0, "a hidden tab lets go");
    await show(false);
    await until(() => world.streams.size === 1, "a tab that is seen listens again");
    await end();
  },

  async "without the stream it asks now and then"() {
    const { page, end } = await open({ world: new World({ interval: 4, noEvents: true }), expect: /404/ });
    await page.waitForFunction(() => /live, asking now and then/.test(document.querySelector(".heard").innerText));
    const first = await text(page, ".decision h2");
    await page.waitForFunction((f) => document.querySelector(".decision h2").innerText.slice(0, 20) !== f.slice(0, 20), first, { timeout: 15_000 });
    await end();
  },

  async "a standby and a dry run say that they are"() {
    const { page, end } = await open({ world: new World({ standby: { holder: "media-2", since: "2026-11-21T08:00:00Z" }, dry: true }) });
    assert.match(await text(page, "main"), /This controller stands by\.[\s\S]*media-2[\s\S]*Dry run/);
    await end();
  },

  async "before the first tick it says what to expect"() {
    const { page, end } = await open({ world: new World({ empty: true }) });
    await page.getByText("Nothing is recorded of this time yet").waitFor();
    assert.match(await text(page, ".empty"), /No tick of render yet[\s\S]*One is due every 1m/);
    for (const [view, said] of [["Ticks", /No tick is kept/], ["Workers", /No worker exists/]]) {
      await page.getByRole("tab", { name: view }).click();
      await page.locator(".view .hold").filter({ hasText: said }).waitFor();
    }
    await sound(page, "empty");
    await end();
  },

  async "what is wrong stands on top, the worst first"() {
    const world = new World(), base = world.fleet("render", 0);
    world.patch = { breaker: "3 launches never became workers; one is tried at a time", spent_today: 118, queues: [{ ...base.queues[0], oldest_age: 500, within: 0.91, missed: "91% started within 2m, 99% are promised", dead: 7 }], versions: { "v1.3": 2, "v1.4": 3 } };
    const { page, end } = await open({ world });
    const found = await page.locator(".findings li b").allInnerTexts();
    found.unshift((await text(page, ".verdict .said")).replace(/^\W+/, ""));
    assert.equal(found.length, 5);
    assert.deepEqual(found.slice(0, 2).sort(), ["The breaker is open", "photos misses its objective"]);
    assert.equal(found.at(-1), "Workers are of several versions");
    assert.match(await page.title(), /^■ render/);
    await sound(page, "trouble");
    await end();
  },

  async "a budget that holds the fleet back is wrong, however little of it is spent"() {
    const world = new World();
    world.patch = { reasons: [{ by: "slo", said: "…" }, { by: "budget", said: "want 0 instead of 4: 20.00 are spent today, and within the last 2h one more hour would have reached the budget of 120.00 a day" }] };
    const { page, end } = await open({ world });
    assert.match(await text(page, ".verdict"), /The budget holds the fleet back\s+Want 0 instead of 4: 20\.00 are spent/);
    await end();
  },

  async "times that the controller writes are told in the reader's zone"() {
    const world = new World();
    world.patch = { reasons: [{ by: "freeze", said: "paused until 2026-01-05T21:24:03Z, ordered by ada" }, { by: "orders", said: "the fleet keeps at least 4 until 2026-01-06 21:24:03 UTC" }], breaker: "the next probe is due at 21:27:25Z" };
    const { page, end } = await open({ world });
    assert.match(await text(page, ".verdict"), /the next probe is due at 2[23]:27:25\./i);
    assert.match(await text(page, ".decision"), /paused until Mon 5 Jan 22:24:03, ordered by ada/);
    assert.match(await text(page, ".decision"), /at least 4 until Tue 6 Jan 22:24:03/);
    await end();
  },

  async "a controller that ticks no more is found out"() {
    const world = new World({ clock: () => Date.now() / 1000 });
    const at = new Date(Date.now() - 15 * 60_000).toISOString();
    world.patch = { last_tick: { id: "render-20261121T080000.000Z", at, took: 1, error: null } };
    const { page, end } = await open({ world });
    assert.match(await text(page, ".verdict"), /No tick for 1[45]m/);
    await end();
  },

  async "several fleets, each a link away"() {
    const { page, end } = await open({ world: new World({ names: ["render", "assembly", "podcasts"] }) });
    await page.locator(".fleets a", { hasText: "assembly" }).click();
    assert.equal(await text(page, "h1"), "assembly");
    assert.match(page.url(), /#fleet=assembly/);
    assert.match(await text(page, ".queues"), /videos[\s\S]*3 dead[\s\S]*30m/);
    await charts(page);
    const both = await picture(page, 1);
    await page.locator(".pick select").selectOption("videos");
    await until(async () => await picture(page, 1) !== both, "another queue is drawn");
    assert.match(await text(page, ".chart.age h3"), /promised are 30m/);
    assert.match(page.url(), /queue=videos/);
    await sound(page, "several");
    await page.goBack();
    await page.waitForFunction(() => document.querySelector("h1").innerText === "render");
    await end();
  },

  async "a fleet that is not there is said"() {
    const { page, end } = await open({ at: "#fleet=nobody" });
    await page.getByText("There is no fleet nobody here, only render").waitFor();
    await end();
  },

  async "where reading needs the token it is asked for"() {
    const { page, end } = await open({ world: new World({ lockedReads: true }), expect: /401/ });
    await page.getByRole("heading", { name: "The token, please" }).waitFor();
    await sound(page, "locked");
    await page.getByLabel("Token").fill("guess");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "token" }).waitFor();
    await page.getByLabel("Token").fill(secret);
    await page.keyboard.press("Enter");
    await charts(page);
    await end();
  },

  async "names and reasons stay text"() {
    const bad = `<img src=x onerror="document.title='hurt'">`;
    const world = new World({ names: ["render"] });
    world.patch = { headline: bad, reasons: [{ by: bad, said: bad }], breaker: bad, pause: { until: new Date(Date.now() + 6e5).toISOString(), why: bad, by: bad } };
    const { page, end } = await open({ world });
    await charts(page);
    assert.equal(await page.locator("main img").count(), 0);
    assert.match(await text(page, ".decision"), /<img src=x/);
    await end();
  },

  async "it fits a phone, by day and by night"() {
    for (const width of [320, 390, 800, 1100]) for (const dark of [false, true]) {
      const { page, end } = await open({ world: new World({ names: ["render", "assembly"] }), at: "#fleet=assembly", width, height: 800, dark });
      await charts(page);
      for (const n of await colours(page)) assert.ok(n > 8);
      for (const view of ["Signals", "Workers", "Ticks"]) {
        await page.getByRole("tab", { name: view }).click();
        await settle(page);
        await fits(page, `${view} at ${width}`);
      }
      assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor === "rgb(255, 255, 255)"), !dark);
      if (width !== 800) await sound(page, `${width}${dark ? " dark" : ""}`);
      await page.getByRole("button", { name: "Pause or hold…" }).click();
      await fits(page, "orders");
      if (dark) await sound(page, `orders, dark, ${width}`);
      const inside = await page.locator(".orders").evaluate((e) => e.scrollWidth <= e.clientWidth);
      assert.ok(inside, "orders are as wide as their dialog at " + width);
      await page.keyboard.press("Escape");
      await page.locator(".decision .link").click();
      await page.locator(".drawer .wants").waitFor();
      assert.ok(await page.locator(".drawer").evaluate((e) => e.scrollWidth <= e.clientWidth), "the minute fits at " + width);
      if (dark) await sound(page, `drawer, dark, ${width}`);
      await end();
    }
  },

  async "nothing moves for whom that is unpleasant"() {
    for (const [motion, name] of [["reduce", "none"], ["no-preference", "slide"]]) {
      const { page, end } = await open({ motion });
      await page.locator(".decision .link").click();
      assert.equal(await page.locator(".drawer").evaluate((e) => getComputedStyle(e).animationName), name);
      await end();
    }
  },
};

const only = process.argv[2];
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  if (only && !name.includes(only)) continue;
  try {
    await test();
    console.log("ok   " + name);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}\n     ${e.stack}`);
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
