// A controller that is made up, behind the same API: for working on the page and for
// tests of what a real one rarely shows. node fixture.mjs [PORT] serves it.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const dist = process.env.SKYNET_DIST ?? fileURLToPath(new URL("dist", import.meta.url));
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8" };
export const policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";
export const secret = "open sesame";
const iso = (t) => new Date(1000 * t).toISOString();
const wave = (t, every, shift = 0) => 0.5 + 0.5 * Math.sin((2 * Math.PI * (t - shift)) / every);
const noise = (n) => { const x = Math.sin(n * 12.9898) * 43758.5453; return x - Math.floor(x); };

/** origin has every world begin at six in the evening of its tenth day: what is shown must not depend on when it is looked at. */
const origin = 600 * Math.floor(Date.now() / 600_000) - 10 * 86400 - 18 * 3600;
/** load is items a minute. */
const load = (at, t = at - origin) => Math.round(40 + 260 * wave(t, 86400, 30000) ** 2 + 30 * noise(Math.floor(t / 60)) + (t % 21600 < 1500 ? 160 : 0));
const fleetSize = (t) => Math.max(2, Math.ceil(load(600 * Math.floor((t - 120) / 600)) / 22));

function idOf(fleet, t) { return `${fleet}-${iso(t).replace(/[-:]/g, "").replace("Z", "Z")}`; }
const timeOf = (id) => { const m = /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)([\d.]+)Z$/.exec(id); return m ? Date.parse(`${m[1]}-${m[2]}-${m[3]}T${m[4]}:${m[5]}:${m[6]}Z`) / 1000 : NaN; };

/** World is what the made-up controller looks after; tests change it while it runs. */
export class World {
  constructor(change = {}) {
    Object.assign(this, { interval: 60, clock: () => Date.now() / 1000, standby: null, dry: false, changeable: true, lockedReads: false, empty: false, names: ["render"], patch: {}, orders: {}, sent: [], unknown: [] }, change);
    this.streams = new Set();
  }
  now() { return this.clock(); }
  last() { return Math.floor(this.now() / this.interval) * this.interval; }
  blindAt(t) { const ago = this.now() - t; return ago > 5200 && ago < 5700; }
  pausedAt(t) { const ago = this.now() - t; return ago > 9000 && ago < 10800; }
  tell(kind, data) { for (const s of this.streams) s.write(`event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`); }

  status() {
    return { version: "v0.8.0", now: iso(this.now()), interval: this.interval, host: "media-1", dry_run: this.dry, standby: this.standby, changeable: this.changeable, fleets: this.names.map((n, i) => this.fleet(n, i)) };
  }
  fleet(name, i) {
    const t = this.last(), have = fleetSize(t), rate = load(t);
    if (this.empty) return { name, queues: [{ name: "photos", visible: null, in_flight: null, delayed: null, dead: null, oldest_age: null, arrived_per_minute: null, work_seconds_mean: null, objective: { wait: 120, quantile: 0.99 }, wait_p95: null, within: null, missed: "", unknown: { visible: "no tick yet" } }], last_tick: null, have: null, want: null, headline: "", reasons: [], states: null, jobs: null, slots: null, bounds: { min: 2, max: 40 }, cost_hourly: null, spent_today: null, budget: null, blind: false, why_blind: "", pause: null, floor: null, breaker: null, versions: {}, workers: [] };
    const queue = (n, share) => ({ name: n, visible: Math.round(rate * share / 3), in_flight: Math.round(rate * share / 2), delayed: 0, dead: 0, oldest_age: 18 + Math.round(20 * noise(t)), arrived_per_minute: Math.round(rate * share * 10) / 10, work_seconds_mean: 12.4, objective: { wait: 120, quantile: 0.99 }, wait_p95: 31, within: 0.9991 });
    const states = { working: have - 1, starting: 1, draining: 1, asleep: 3 };
    const f = {
      name, queues: i % 2 ? [queue("photos", 0.8), { ...queue("videos", 0.2), objective: { wait: 1800, quantile: 0.99 }, dead: 3 }] : [queue("photos", 1)],
      last_tick: { id: idOf(name, t), at: iso(t), took: 0.21, error: null }, have, want: have + 2, headline: "launch 2",
      reasons: [{ by: "slo", said: `${whole(rate / 3)} items × 12.4 s, 4 slots each: all start within 2m with ${have + 2}` }, { by: "bounds", said: `${have + 2} is within 2 to 40` }, { by: "plan", said: "launch 2; nobody sleeps who could be woken" }],
      states, jobs: 4 * (have - 1) - 3, slots: 4 * (have - 1), bounds: { min: 2, max: 40 }, cost_hourly: 0.1785 * have, spent_today: 41.37, budget: { hourly: 12, daily: 120 }, blind: false, why_blind: "", pause: null, floor: null, breaker: null, versions: { "v1.4.0": have }, workers: this.workers(states, t, name), ...this.patch, ...this.orders[name],
    };
    return f;
  }
  workers(states, t, name) {
    const list = [];
    for (const [state, n] of Object.entries(states)) for (let i = 0; i < n; i++) list.push({ id: `i-0${(0x5a3f91c + 7919 * list.length).toString(16)}${(list.length * 331 + 4097).toString(16)}`, state, jobs: state === "working" ? (i ? 4 : 1) : 0, slots: 4, type: i % 3 ? "c7i.xlarge" : "c7a.xlarge", zone: "eu-west-1" + "abc"[i % 3], spot: i % 2 === 1, launched: iso(t - 300 - 700 * i), heard: state === "starting" ? null : iso(t + 60 - 3 - i), version: "v1.4.0", drain: state === "draining" ? idOf(name, t - 180) : "" });
    return list;
  }
  history(q) {
    const from = Date.parse(q.get("from")) / 1000, to = Date.parse(q.get("to")) / 1000, points = Number(q.get("points") ?? 600);
    const step = [this.interval, 60, 120, 300, 600, 900, 1800, 3600, 7200].find((s) => s >= this.interval && (to - from) / s <= points) ?? 7200;
    const time = [], series = {}, marks = [];
    const put = (name, v) => (series[name] ??= []).push(v);
    if (this.empty) return { from: iso(from), to: iso(to), step, time, series, marks, objective: { wait: 120, quantile: 0.99 } };
    for (let t = Math.ceil(from / step) * step; t <= Math.min(to, this.last()); t += step) {
      time.push(t);
      const n = fleetSize(t), rate = load(t), out = this.blindAt(t), behind = t % 21600 < 1500 ? 2 : 1;
      put("queue.visible", out ? null : Math.round(rate * behind / 3)); put("queue.in_flight", out ? null : Math.round(rate / 2));
      put("queue.oldest_age", out ? null : Math.round((18 + 20 * noise(t)) * behind * (behind > 1 ? 1.3 : 1))); put("work.wait_p95", out ? null : 15 * behind + 10 * noise(t + 3));
      put("queue.arrived_per_minute", out ? null : rate); put("fleet.running", n - 1); put("fleet.pending", fleetSize(t + 120) > n ? fleetSize(t + 120) - n : 0); put("fleet.draining", fleetSize(t + 240) < n ? 1 : 0); put("fleet.asleep", 3);
      put("want", fleetSize(t + 60)); put("have", n); put("cost.hourly", 0.1785 * n);
      for (const [q, part] of [["photos", 0.8], ["videos", 0.2]]) for (const [own, name] of [["visible", "queue.visible"], ["in_flight", "queue.in_flight"], ["oldest_age", "queue.oldest_age"], ["arrived_per_minute", "queue.arrived_per_minute"], ["wait_p95", "work.wait_p95"]]) { const v = series[name].at(-1); put(`queues.${q}.${own}`, v == null ? null : own.includes("a") && !/wait|oldest/.test(own) ? v * part : v * (q === "videos" ? 9 : 1)); }
      if (out) marks.push({ at: iso(t), kind: "blind", text: "queue.visible is unknown: SQS answered 503 Service Unavailable" });
      if (this.pausedAt(t)) marks.push({ at: iso(t), kind: "pause", text: "by ada: kernel update by hand" });
    }
    for (const name of this.unknown) series[name].fill(null);
    return { from: iso(from), to: iso(to), step, time, series, marks, objective: { wait: 120, quantile: 0.99 } };
  }
  forecast(name) {
    const t0 = this.now(), band = (from, minutes) => { let n = 0; for (let m = 0; m < minutes; m++) n += load(from + 60 * m); return { from: iso(from), minutes, items_p50: n, items_p90: n * 1.13, items_p99: n * 1.3 }; };
    const q = Math.ceil(t0 / 900) * 900, ahead = [], recent = [];
    for (let i = 0; i < 96; i++) ahead.push(band(q + 900 * i, 15));
    for (let i = 192; i > 0; i--) { const b = band(q - 900 * i, 15); recent.push({ ...b, items_p50: b.items_p50 * 0.95, items_came: b.items_p50, beyond: "" }); }
    return { fleet: name, at: iso(t0), timezone: "Europe/Berlin", hours: 24, step_minutes: 15, queues: this.empty ? [{ queue: "photos", unknown: "nothing has been seen yet", note: "", history: null, within: [], coming: [], shape: "", recent: [] }] : [{ queue: "photos", unknown: "", note: "", history: null, within: [], coming: ahead, shape: "week", recent }, ...(this.names.indexOf(name) % 2 ? [{ queue: null, unknown: "", note: "", coming: ahead, recent, shape: "week" }] : [])] };
  }
  line(name, t) {
    const have = fleetSize(t), want = fleetSize(t + 60), blind = this.blindAt(t), n = Math.abs(want - have);
    const headline = (want > have ? `launch ${n}` : want < have && !blind ? `drain ${n}` : "hold") + (blind ? " (blind)" : "");
    return { id: idOf(name, t), at: iso(t), have, want, headline, blind, failed: null, did: want > have ? `launch ${n} of ${n}: i-0a1b2c3d4e5f, i-0f9e8d7c6b5a` : want < have && !blind ? `drain ${n} of ${n}: i-01122334455` : "nothing: " + (blind ? "a policy cannot tell, see above; while the tick is blind nobody is let go" : "there are as many as are wanted") };
  }
  ticks(name, q) {
    const from = Date.parse(q.get("from")) / 1000, to = Date.parse(q.get("to")) / 1000, list = [];
    if (this.empty) return [];
    for (let t = Math.min(Math.floor(to / this.interval) * this.interval, this.last()); t >= from && list.length < Number(q.get("limit") ?? 200); t -= this.interval) list.push(this.line(name, t));
    return list;
  }
  tick(name, id) {
    const t = timeOf(id), l = this.line(name, t), n = Math.abs(l.want - l.have), up = l.want > l.have, idle = l.want === l.have || l.headline.startsWith("hold");
    return {
      snapshot: { fleet: name, now: iso(t), queues: ["photos"], workers: this.workers({ working: l.have - 1, starting: 1, draining: 1, asleep: 3 }, t, name), signals: this.signals(name, t).signals.map(({ unit, ...s }) => s), orders: this.pausedAt(t) ? { pause: { until: iso(t + 600), by: "ada", why: "kernel update by hand" } } : {} },
      decision: { id, fleet: name, have: l.have, raw: l.want, want: l.want, blind: l.blind, version: "a1b2c3d4", ...(up ? { launch: n } : idle ? {} : { drain: ["i-01122334455"] }),
        wants: [{ policy: "slo", want: l.want, because: l.blind ? "queue.visible is unknown: SQS answered 503 Service Unavailable" : `${whole(load(t) / 3)} items × 12.4 s, 4 slots each: all start within 2m with ${l.want}`, blind: l.blind }, { policy: "sunday", want: 0, because: "no schedule is on now; the next is Sun 17:00 America/Los_Angeles" }, { policy: "step", want: 0, because: "queue.visible 113 is between 100 and 1,000: no opinion", abstain: true }],
        reasons: [{ by: "slo", said: "…" }, { by: "sunday", said: "…" }, { by: "step", said: "…" }, { by: "bounds", said: `${l.want} is within 2 to 40` }, { by: "budget", said: "3.21 an hour of 12.00; 41.37 today of 120.00" }, ...(up ? [{ by: "launch", said: `launch ${n}: 7 of 160 in the last hour` }] : [{ by: "release", said: "fewer have been wanted for 5m: drain 1 of 20% at once" }])] },
      intents: idle ? [] : [up ? { id: id + "/launch", fleet: name, decision: id, at: iso(t), kind: "launch", order: { fleet: name, count: n, token: "x" } } : { id: id + "/drain", fleet: name, decision: id, at: iso(t), kind: "drain", ids: ["i-01122334455"] }],
      outcomes: idle ? [] : [{ intent: id + (up ? "/launch" : "/drain"), at: iso(t + 1), done: up ? Array.from({ length: Math.max(1, n - 1) }, (_, i) => "i-0a1b2c3d4e5f" + i) : ["i-01122334455"], ...(up && n > 1 ? { failed: "InsufficientInstanceCapacity: c7i.xlarge in eu-west-1b" } : {}) }],
      ...(this.then && { then: this.then }),
    };
  }
  signals(name, t = this.last()) {
    const good = 120e9, s = (n, value, unit, more = {}) => ({ name: n, value, at: iso(t - 2), good, unit, ...more });
    const out = this.blindAt(t) ? { unknown: "SQS answered 503 Service Unavailable", value: 0 } : {};
    return { fleet: name, time: iso(t), signals: [
      s("queue.visible", Math.round(load(t) / 3), "items", out), s("queue.in_flight", Math.round(load(t) / 2), "items", out), s("queue.oldest_age", 31, "s", { note: "from arrivals less completions in order" }), s("queue.arrival_rate", load(t) / 60, "items/s"), s("queue.dead", 0, "items"),
      s("work.seconds_mean", 12.4, "s"), s("work.wait_p95", 31.4, "s"), s("work.error_ratio", 0.0021, "0–1"), s("work.bytes_in", 48_120_334, "B/s"), s("fleet.running", fleetSize(t), "instances"), s("fleet.slots", 4, "items/instance"), s("fleet.cpu_mean", 81.3, "%"), s("fleet.wake_seconds", 34, "s", { note: "assumed: nobody has been woken yet" }),
      s("fleet.spot_share", 0.46, "0–1"), s("forecast.arrivals_15m", 15 * load(t), "items"), s("forecast.error", 0.62, "ratio"), s("cost.per_hour", 0.1785 * fleetSize(t), "money/h"), s("cost.per_item", 0.000187, "money"), { name: "cost.spot_price", value: 0, at: "0001-01-01T00:00:00Z", unknown: "no Spot offer has been asked for yet", unit: "money/h" },
      { name: "upload.cpu", value: 63.2, at: iso(t - 400), good: 180e9, unit: "" },
    ] };
  }
  order(kind, body) {
    this.sent.push({ kind, ...body });
    const length = [...(body.for ?? "").matchAll(/(\d+)([mhd])/g)].reduce((sum, [, n, u]) => sum + n * { m: 60, h: 3600, d: 86400 }[u], 0), until = iso(this.now() + length);
    const own = (this.orders[body.fleet] ??= {});
    if (kind === "pause") own.pause = { until, why: body.why, by: "api from 127.0.0.1", since: iso(this.now()) };
    if (kind === "want" && body.workers === 0) delete own.floor;
    else if (kind === "want") own.floor = { workers: body.workers, until, why: body.why, by: "api from 127.0.0.1" };
    if (kind === "resume") delete own.pause;
    this.tell("orders", { fleet: body.fleet });
    return { pause: own.pause ?? null, floor: own.floor ?? null };
  }
}

const whole = (v) => Math.round(v).toLocaleString("en");

export function serve(world, port = 0) {
  const server = createServer((req, res) => {
    const url = new URL(req.url, "http://localhost"), fleet = url.searchParams.get("fleet");
    const json = (status, body) => { res.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store", "Content-Security-Policy": policy }); res.end(JSON.stringify(body)); };
    if (!url.pathname.startsWith("/api/v1/")) return file(url.pathname, res);
    const what = url.pathname.slice("/api/v1/".length), open = req.headers.authorization === "Bearer " + secret;
    if (world.lockedReads && !open) return json(401, { error: "the token is missing or wrong: it is in /var/lib/skynet/token" });
    if (req.method === "POST") {
      let text = "";
      req.on("data", (d) => { text += d; }).on("end", () => {
        if (!open) return json(401, { error: "the token is wrong: it is in /var/lib/skynet/token" });
        json(200, world.order(what, JSON.parse(text)));
      });
      return;
    }
    if (what === "events" && !world.noEvents) {
      res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      res.write(": hello\n\n");
      world.streams.add(res);
      res.on("close", () => world.streams.delete(res));
      return;
    }
    const answers = { status: () => world.status(), history: () => world.history(url.searchParams), forecast: () => world.forecast(fleet), ticks: () => world.ticks(fleet, url.searchParams), tick: () => world.tick(fleet, url.searchParams.get("id")), signals: () => world.signals(fleet) };
    if (!answers[what]) return json(404, { error: "there is no " + what });
    json(200, answers[what]());
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve({ server, url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); return new Promise((r) => server.close(r)); } })));
}

function file(path, res) {
  const at = join(dist, normalize(path === "/" ? "/index.html" : path));
  if (!at.startsWith(dist) || !existsSync(at) || !statSync(at).isFile()) { res.writeHead(404); return res.end(); }
  res.writeHead(200, { "Content-Type": types[extname(at)] ?? "application/octet-stream", "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff" });
  createReadStream(at).pipe(res);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await serve(new World({ names: ["render", "assembly"] }), Number(process.argv[2] ?? 9465));
  console.log(url);
}
