// Charts from the history and the forecast. Pure.
import type { Chart, Line } from "../../../web/charts";
import { compact, digits, money, span, whole } from "../../../web/words";
import type { Band, Fleet, Forecast, History, Mark, Maybe } from "./api";
import { seconds } from "./said";

type Values = Maybe[];

const of = (h: History, name: string): Values => h.series[name] ?? h.time.map(() => null);
const known = (v: Values) => v.some((x) => x != null);
const said = (say: (v: number) => string) => (v: number | null) => (v == null ? "unknown" : say(v));

/** Key is the charts in their order. */
export type Key = "waiting" | "age" | "fleet" | "arrivals" | "cost";

export interface Seen { history: History; fleet: Fleet; queue: string; forecast: Forecast | null; now: number; until: number }

/** charts are of all queues together, or of one. */
export function charts({ history, fleet: f, queue, forecast, now, until }: Seen): [Key, Chart][] {
  const h = only(past(history, now), f, queue);
  const shared = { marks: rug(h), shades: shades(h), now };
  const list: [Key, Chart][] = [
    ["waiting", { ...waiting(h), ...shared }], ["age", { ...age(h, f), ...shared }],
    ["fleet", { ...fleet(h), ...shared }], ["arrivals", { ...arrivals(h, aheadOf(forecast, queue), until), ...shared }],
  ];
  const cost = bill(h, f);
  if (cost) list.push(["cost", { ...cost, ...shared }]);
  return list;
}

/** only has one queue's numbers in place of all queues'. */
function only(h: History, f: Fleet, queue: string): History {
  if (!queue) return h;
  const series = { ...h.series };
  for (const [name, own] of [["queue.visible", "visible"], ["queue.in_flight", "in_flight"], ["queue.oldest_age", "oldest_age"], ["queue.arrived_per_minute", "arrived_per_minute"], ["work.wait_p95", "wait_p95"]]) series[name] = of(h, `queues.${queue}.${own}`);
  return { ...h, series, objective: f.queues.find((q) => q.name === queue)?.objective ?? null };
}

type Ahead = Forecast["queues"][number] | null;

/** aheadOf is the forecast of a queue, or of all together. */
const aheadOf = (f: Forecast | null, queue: string): Ahead => f?.queues.find((q) => q.queue === (queue || null)) ?? (f?.queues.length === 1 ? f.queues[0] : null);

/** past leaves out points that have not begun: the controller answers in whole steps. */
function past(h: History, now: number): History {
  const n = h.time.findLastIndex((t) => t <= now) + 1;
  return n === h.time.length ? h : { ...h, time: h.time.slice(0, n), series: Object.fromEntries(Object.entries(h.series).map(([k, v]) => [k, v.slice(0, n)])) };
}

function waiting(h: History): Chart {
  return {
    title: "Items", note: "waiting and in work", at: h.time, left: { say: compact, atLeast: 1 },
    lines: [
      { label: "waiting", values: of(h, "queue.visible"), colour: "blue", fill: 0.25, say: said(whole) },
      { label: "in work", values: of(h, "queue.in_flight"), colour: "orange", width: 1.25, say: said(whole) },
    ],
  };
}

function age(h: History, f: Fleet): Chart {
  const promised = h.objective?.wait ?? tightest(f);
  const lines: Line[] = [
    { label: "oldest item", values: of(h, "queue.oldest_age"), colour: "blue", fill: 0.15, say: said(span) },
  ];
  if (known(of(h, "work.wait_p95"))) lines.push({ label: "wait p95", values: of(h, "work.wait_p95"), colour: "orange", width: 1.25, say: said(span) });
  if (promised != null) lines.push({ label: "promised", values: h.time.map(() => promised), colour: "text", dash: [7, 4], say: said(span) });
  return {
    title: "Wait", note: promised == null ? "of the oldest item" : `of the oldest item; promised are ${span(promised)}`, at: h.time, lines,
    left: { say: (v) => (v ? span(v) : "0"), times: true, atLeast: promised == null ? 1 : 1.2 * promised },
  };
}

const tightest = (f: Fleet) => f.queues.reduce<Maybe>((least, q) => (q.objective?.wait == null ? least : Math.min(least ?? Infinity, q.objective.wait)), null);

function fleet(h: History): Chart {
  const layers: [string, string, string][] = [["running", "fleet.running", "work"], ["starting, waking", "fleet.pending", "come"], ["draining", "fleet.draining", "go"], ["asleep", "fleet.asleep", "rest"]];
  let below: Values = h.time.map(() => 0);
  const stack: Line[] = [];
  for (const [label, name, colour] of layers) {
    const own = of(h, name);
    if (!(name in h.series) || (label === "asleep" && own.every((v) => !v))) continue;
    const under = below;
    below = under.map((v, i) => (v == null || own[i] == null ? null : v + own[i]!));
    // The higher ones are drawn first.
    stack.unshift({ label, values: below, colour, fill: 1, width: 0, steps: true, say: (_, i) => said(digits)(own[i]) });
  }
  return {
    title: "Workers", note: "by state, and how many were wanted", at: h.time, left: { say: compact, atLeast: 1 },
    lines: [...stack, { label: "wanted", values: of(h, "want"), colour: "text", dash: [5, 3], width: 1.5, steps: true, say: said(digits) }],
  };
}

function bill(h: History, f: Fleet): Chart | null {
  const own = of(h, "cost.hourly");
  if (!known(own)) return null;
  const lines: Line[] = [{ label: "an hour", values: own, colour: "green", fill: 0.2, steps: true, say: said(money) }];
  const most = f.budget?.hourly;
  if (most) lines.push({ label: "hourly budget", values: h.time.map(() => most), colour: "text", dash: [7, 4], say: said(money) });
  return { title: "Cost", note: "an hour, by the settings' prices", at: h.time, lines, left: { say: compact, atLeast: 0.01 } };
}

/** arrivals go on into the future, with what is expected. */
function arrivals(h: History, forecast: Ahead, until: number): Chart {
  const own = of(h, "queue.arrived_per_minute"), last = h.time[h.time.length - 1] ?? until;
  const bands = stretches(forecast);
  const ahead: number[] = [];
  if (bands.length) for (let t = last + h.step; t <= until && ahead.length < 500; t += h.step) ahead.push(t);
  const at = [...h.time, ...ahead];
  const lines: Line[] = [{ label: "arrived", values: [...own, ...ahead.map(() => null)], colour: "blue", width: 1.5, say: said(digits) }];
  if (!bands.length) return { title: "Arrivals", note: "items a minute" + (forecast?.unknown ? "; no forecast: " + forecast.unknown : ""), at, lines, left: { say: compact, atLeast: 1 } };
  const find = finder(bands);
  const line = (label: string, pick: (b: Band) => number, rest: Partial<Line>): Line => ({
    label, values: at.map((t) => { const b = find(t); return b ? pick(b) / b.minutes : null; }), colour: "orange", width: 1, steps: true, say: (v) => (v == null ? "–" : digits(v)), ...rest,
  });
  lines.push(line("p99", (b) => b.items_p99, { width: 0, tint: 0.2 }), line("p90", (b) => b.items_p90, { width: 0, tint: 0.45 }), line("expected (p50)", (b) => b.items_p50, { dash: [4, 3], width: 1.25 }));
  return {
    title: "Arrivals", note: "items a minute, with what was and is expected", at, lines, left: { say: compact, atLeast: 1 },
    bands: [{ upper: 1, lower: 2, colour: "orange", fill: 0.14 }, { upper: 2, lower: 3, colour: "orange", fill: 0.28 }],
  };
}

/** stretches are what was and is expected, by time, none over another. */
function stretches(q: Ahead): Band[] {
  if (!q || q.unknown) return [];
  const list: Band[] = [];
  let end = 0;
  for (const b of [...(q.recent ?? []), ...(q.coming ?? [])].sort((a, b) => Date.parse(a.from) - Date.parse(b.from))) {
    const from = seconds(b.from);
    if (from == null || !(b.minutes > 0) || from < end - 1) continue;
    end = from + 60 * b.minutes;
    list.push(b);
  }
  return list;
}

function finder(bands: Band[]): (t: number) => Band | null {
  const from = bands.map((b) => seconds(b.from)!);
  return (t) => {
    let low = 0, high = from.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (from[middle] <= t) low = middle + 1;
      else high = middle;
    }
    const b = bands[low - 1];
    return b && t < from[low - 1] + 60 * b.minutes ? b : null;
  };
}

/** Kinds of marks: how they are drawn, and what people call them. */
export const kinds: Record<string, [colour: string, name: string]> = {
  pause: ["pink", "paused"], breaker: ["bad", "breaker open"], blind: ["gold", "blind"], failed: ["bad", "no decision"], floor: ["sky", "at least so many"], budget: ["orange", "budget reached"], policy: ["green", "another policy"],
};

const colourOf = (m: Mark) => kinds[m.kind]?.[0] ?? "soft";

const rug = (h: History) => (h.marks ?? []).flatMap((m) => { const at = seconds(m.at); return at == null ? [] : [{ at, colour: colourOf(m) }]; });

export interface Happening { kind: string; from: number; to: number; text: string }

/** happenings are marks of a kind that follow each other, as one. */
export function happenings(h: History): Happening[] {
  const list: Happening[] = [], last = new Map<string, Happening>();
  const apart = 2.5 * Math.max(h.step, 60);
  for (const m of [...(h.marks ?? [])].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))) {
    const at = seconds(m.at), before = last.get(m.kind);
    if (at == null) continue;
    const to = Math.max(at, seconds(m.until) ?? at);
    if (before && at - before.to <= apart && before.text === m.text && m.kind !== "policy") {
      before.to = Math.max(before.to, to);
      continue;
    }
    const fresh = { kind: m.kind, from: at, to, text: m.text };
    last.set(m.kind, fresh);
    list.push(fresh);
  }
  return list;
}

const shades = (h: History) => happenings(h).filter((x) => x.to > x.from).map((x) => ({ from: x.from, to: x.to, colour: kinds[x.kind]?.[0] ?? "soft" }));

/** ahead is how much of the future is shown beside a range. */
export const ahead = (range: number) => (range <= 86400 ? range / 6 : range <= 7 * 86400 ? 86400 : 0);

