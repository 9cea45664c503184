// What is drawn over time of a run, and of all runs.
import type { Chart, Line } from "../../../web/charts";
import type { Decision, Fleet, Payload, Queue } from "./data";
import { compact, digits, money, percent, span, whole } from "../../../web/words";

const lineColours = ["blue", "orange", "green", "pink", "sky", "gold"];
const dashes = [undefined, [8, 3], [2, 3], [10, 3, 2, 3]];

export const colourOf = (i: number) => lineColours[i % lineColours.length];

export function waiting(at: number[], q: Queue): Chart {
  const peaks = q.most.some((v, i) => v !== q.waiting[i]);
  const lines: Line[] = [
    { label: peaks ? "waiting, most" : "waiting", values: q.most, colour: peaks ? "sky" : "blue", fill: peaks ? 0.12 : 0.25, width: 1, say: (v) => whole(v) },
  ];
  if (peaks) lines.push({ label: "mean", values: q.waiting, colour: "blue", width: 2, say: (v) => digits(v) });
  return { title: "Queue", note: "items that wait", at, lines, left: { say: compact, atLeast: 1 } };
}

export function waits(at: number[], q: Queue): Chart {
  const top = q.oldest.reduce((a, b) => Math.max(a, b), q.p95.reduce((a: number, b) => Math.max(a, b ?? 0), 0));
  // A promise far above all waits would only flatten them.
  const shown = q.promised.filter((p, i) => i === 0 || p <= 2 * top);
  const lines: Line[] = [
    { label: "started late", values: q.late, colour: "gold", right: true, fill: 0.3, width: 0, steps: true, say: (v) => percent(v) },
    { label: "wait p95", values: q.p95, colour: "orange", width: 1.25, say: (v) => span(v) },
    { label: "oldest", values: q.oldest, colour: "blue", width: 1.25, say: (v) => span(v) },
    ...shown.map((p): Line => ({ label: "objective", values: at.map(() => p), colour: "text", width: 1.5, dash: [7, 4], say: () => span(p) })),
  ];
  return {
    title: "Wait", note: "of the oldest item, p95 of those just started, and the share that started late (right)", at, lines,
    left: { say: (v) => (v ? span(v) : "0"), times: true, atLeast: q.promised.length ? 1.2 * q.promised[0] : 1 },
    right: { say: (v) => Math.round(100 * v) + "%", atMost: 1 },
  };
}

export function fleet(at: number[], f: Fleet, arrived: (number | null)[], marks: Chart["marks"]): Chart {
  const layers: [string, number[], string][] = [
    ["working", f.working, "work"], ["starting, waking", f.coming, "come"], ["draining", f.going, "go"], ["asleep", f.resting, "rest"],
  ];
  let below = at.map(() => 0);
  const lines: Line[] = [];
  for (const [label, own, colour] of layers) {
    if (label === "asleep" && own.every((v) => v === 0)) continue;
    below = below.map((v, i) => v + own[i]);
    // The higher ones are drawn first.
    lines.unshift({ label, values: below, colour, fill: 1, width: 0, steps: true, say: (_, i) => digits(own[i]) });
  }
  lines.reverse();
  const stack = [...lines].reverse();
  const over: Line[] = [{ label: "arrivals/min", values: arrived, colour: "shade", right: true, width: 1, say: (v) => digits(v) }];
  if (f.ideal) over.unshift({ label: "clairvoyant", values: f.ideal, colour: "pink", width: 1.5, dash: [6, 4], steps: true, say: (v) => digits(v) });
  return {
    title: "Fleet", note: "instances by state, arrivals a minute (right), decisions (ticks on top)", at, lines: [...stack, ...over],
    left: { say: compact, atLeast: 1 }, right: { say: compact, atLeast: 1 }, marks,
  };
}

export function bill(p: Payload, names: string[], chosen: number): Chart | null {
  const b = p.bill;
  if (!b) return null;
  const say = (v: number | null) => (b.money ? money(v) : digits(v) + (v == null ? "" : " h"));
  const lines: Line[] = [];
  b.runs.forEach((values, i) => {
    if (values) lines.push({ label: names[i], values, colour: colourOf(i), dash: dashes[i % dashes.length], width: i === chosen ? 3 : 1.5, say });
  });
  b.ideals.forEach((values, i) => lines.push({ label: b.names[i], values, colour: "text", dash: [3, 3 + 2 * i], width: 1.5, say }));
  return {
    title: b.money ? "Cost" : "Instance hours", note: `so far${p.runs.some((r) => r.fleets.length > 1) ? ", all fleets" : ""}: every policy against each other`,
    at: b.at.map((t) => t + p.start), lines, left: { say: compact }, switches: true,
  };
}

/** markOf is the colour of a decision that did something. */
export function markOf(d: Decision): string | null {
  if (d.blind || d.failed) return "bad";
  return { launch: "come", drain: "go", sleep: "rest", terminate: "rest" }[d.action] ?? null;
}
