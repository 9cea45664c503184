// Looks at reports in a real browser, without a network: node browser.test.mjs FOLDER,
// where the folder holds what TestExampleReports writes (see make page-test).
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const folder = resolve(process.argv[2] ?? ".");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

/** open opens a report where every request but for the file itself is an error. */
async function open(name, { width = 1280, height = 900, dark = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", offline: true, hasTouch: width < 600 });
  const page = await context.newPage();
  const wrong = [];
  const url = pathToFileURL(join(folder, name)).href;
  page.on("console", (m) => wrong.push(m.text()));
  page.on("pageerror", (e) => wrong.push(e.message));
  page.on("request", (r) => r.url() !== url && wrong.push("asks for " + r.url()));
  await page.goto(url);
  await page.waitForSelector("table.figures");
  await page.waitForTimeout(300);
  return { page, wrong, close: () => context.close() };
}

/** colours counts the colours of each canvas. */
const colours = (page) => page.$$eval("canvas", (all) => all.map((c) => {
  const seen = new Set(new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer));
  return seen.size;
}));

const picture = (page, n) => page.$$eval("canvas", (all, i) => all[i].toDataURL(), n);
const over = (page, title) => page.locator("section.chart", { has: page.locator("h2", { hasText: new RegExp("^" + title) }) }).locator(".u-over");

async function hover(page, title, share) {
  const target = over(page, title);
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  await page.mouse.move(box.x + share * box.width, box.y + box.height / 2);
  await page.waitForTimeout(100);
}

const tests = {
  async "it draws, without a word on the console"() {
    const { page, wrong, close } = await open("week.html");
    const drawn = await colours(page);
    assert.equal(drawn.length, 4);
    for (const n of drawn) assert.ok(n > 8, `canvases have ${drawn} colours`);
    assert.equal(await page.locator(".week tbody td").count(), 7 * 24);
    assert.match(await page.title(), /^week/);
    assert.ok(await page.locator("td.best").count() >= 5);
    assert.deepEqual(wrong, []);
    await close();
  },

  async "a cursor tells why, and is in every chart"() {
    const { page, wrong, close } = await open("week.html");
    for (const title of ["Queue", "Wait", "Fleet", "Cost"]) {
      await hover(page, title, 0.5);
      await hover(page, title, 0.7);
      const reason = await page.locator(".panel .reasons li").first().textContent();
      assert.match(reason, /slo .*\d/, `${title}: ${reason}`);
      const values = await page.$$eval(".u-legend .u-series:first-child .u-value", (all) => all.map((v) => v.textContent));
      assert.equal(values.length, 4);
      for (const v of values) assert.match(v, /UTC$/, `over ${title}: ${values}`);
    }
    assert.deepEqual(wrong, []);
    await close();
  },

  async "another policy, another queue: other charts"() {
    const { page, wrong, close } = await open("week.html");
    const before = await picture(page, 2);
    await page.selectOption("#choose-policy", { index: 1 });
    await page.waitForTimeout(300);
    assert.equal((await colours(page)).length, 4);
    const after = await Promise.all([1, 2, 3].map((n) => picture(page, n)));
    assert.ok(!after.includes(before));
    await page.selectOption("#choose-queue", { label: "videos" });
    await page.waitForTimeout(300);
    const narrowed = await picture(page, 2);
    assert.ok(!after.includes(narrowed));
    await page.locator("#decisions .link").first().click();
    assert.match(await page.locator(".panel .reasons").textContent(), /backlog/);
    assert.deepEqual(wrong, []);
    await close();
  },

  async "drag zooms all charts and the list, double click shows all"() {
    const { page, close } = await open("week.html");
    const note = () => page.locator("#decisions .soft").first().textContent();
    const first = await note(), whole = await picture(page, 0);
    await hover(page, "Queue", 0.4);
    await page.mouse.down();
    await hover(page, "Queue", 0.5);
    await page.mouse.up();
    await page.waitForTimeout(300);
    assert.notEqual(await note(), first);
    assert.notEqual(await picture(page, 0), whole);
    await over(page, "Fleet").dblclick();
    await page.waitForTimeout(300);
    assert.equal(await note(), first);
    assert.equal(await picture(page, 0), whole);
    await close();
  },

  async "the keyboard moves, zooms, steps"() {
    const { page, close } = await open("week.html");
    await page.locator("section.chart .plot").nth(1).focus();
    await page.keyboard.press("ArrowRight");
    const deed = await page.locator(".panel .when").textContent();
    for (let i = 0; i < 5; i++) await page.keyboard.press("Shift+ArrowRight");
    assert.notEqual(await page.locator(".panel .when").textContent(), deed);
    const note = () => page.locator("#decisions .soft").first().textContent();
    const all = await note();
    await page.keyboard.press("+");
    await page.waitForTimeout(200);
    assert.notEqual(await note(), all);
    await page.keyboard.press("0");
    await page.waitForTimeout(200);
    assert.equal(await note(), all);
    const told = await page.locator(".panel .told").textContent();
    await page.getByLabel("the next decision").press("Enter");
    assert.notEqual(await page.locator(".panel .told").textContent(), told);
    await page.locator("#decisions .link").first().press("Enter");
    assert.equal(await page.locator(".panel .when").textContent(), (await page.locator("#decisions .link").first().textContent()) + " UTC");
    await close();
  },

  async "who misses the objective is not the best buy, and 100% are all"() {
    const { page, wrong, close } = await open("missed.html");
    const line = (name) => page.locator("table.figures tr", { has: page.locator("th", { hasText: new RegExp("^" + name + "$") }) }).locator("td");
    const best = (name) => line(name).evaluateAll((all) => all.map((c) => c.classList.contains("best")));
    assert.deepEqual(await best("cost"), [false, true, false]);
    assert.deepEqual(await best("within objective"), [true, false, false]);
    assert.match(await line("within objective").nth(0).textContent(), /^100\.00%/);
    assert.match(await line("within objective").nth(1).textContent(), /^99\.99%/);
    assert.match(await page.locator("p.key").first().textContent(), /keep what they promise/);
    assert.deepEqual(wrong, []);
    await close();
  },

  async "names and reasons stay text"() {
    const { page, wrong, close } = await open("hostile.html");
    assert.equal(await page.locator("img").count(), 0);
    assert.match(await page.title(), /^<\/script><img/);
    assert.equal(await page.locator("h1").textContent(), `</script><img src=x onerror="document.title='hurt'">`);
    await page.selectOption("#choose-fleet", { index: 1 });
    await hover(page, "Fleet", 0.5);
    assert.equal(await page.locator("img").count(), 0);
    await hover(page, "Sweep", 0.5);
    assert.match(await page.locator("#sweep .readout").textContent(), /costs \d/);
    for (const n of await colours(page)) assert.ok(n > 8);
    assert.deepEqual(wrong, []);
    await close();
  },

  async "it fits a phone, by day and by night"() {
    for (const name of ["week.html", "hostile.html", "bare.html"]) {
      for (const width of [320, 390, 800]) {
        for (const dark of [false, true]) {
          const { page, wrong, close } = await open(name, { width, height: 800, dark });
          const [has, may] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
          assert.ok(has <= may, `${name} is ${has} wide on ${width}`);
          const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
          assert.equal(back === "rgb(255, 255, 255)", !dark);
          for (const n of await colours(page)) assert.ok(n > 8);
          assert.deepEqual(wrong, []);
          await close();
        }
      }
    }
  },

  async "figures alone are a page too"() {
    const { page, wrong, close } = await open("bare.html");
    assert.equal(await page.locator("canvas").count(), 0);
    assert.deepEqual(wrong, []);
    await close();
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log("ok   " + name);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}\n     ${e.message}`);
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
