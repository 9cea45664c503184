// Takes the pictures of docs/dashboard.md, of the made-up controller on a made-up day:
// node pictures.mjs FOLDER
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { World, serve } from "./fixture.mjs";

const folder = process.argv[2] ?? "../../docs/pictures";
const day = Date.parse("2026-11-22T18:17:40Z");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

async function take(name, { dark = false, at = "", height, act = async () => {} }) {
  const served = await serve(new World({ clock: () => day / 1000, names: ["render", "assembly"] }));
  const context = await browser.newContext({ viewport: { width: 1340, height }, colorScheme: dark ? "dark" : "light", timezoneId: "Europe/Berlin", reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.clock.setFixedTime(day);
  await page.goto(served.url + "/" + at);
  await page.waitForFunction(() => document.querySelectorAll(".charts canvas").length === 5);
  await page.waitForTimeout(500);
  await act(page);
  await page.waitForTimeout(300);
  const whole = join(folder, name + ".whole.png");
  await page.screenshot({ path: whole });
  // A palette makes a third of it.
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", "-i", whole, "-vf", "split[a][b];[a]palettegen=max_colors=160:stats_mode=single[p];[b][p]paletteuse=dither=none", join(folder, name)]);
  rmSync(whole);
  await context.close();
  await served.close();
}

await take("dashboard.png", { at: "#range=24h", height: 1064 });
await take("dashboard-dark.png", { dark: true, at: "#range=24h", height: 900, act: async (page) => {
  await page.locator(".ticks tbody tr", { hasText: "launch" }).locator(".link").first().click();
  await page.locator(".drawer .wants").waitFor();
} });
await browser.close();
