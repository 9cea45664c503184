// The table of figures, and the week's shape.
import type { Payload, Result, Run } from "./data";
import { el } from "../../../web/dom";
import { digits, money, percent, span, whole } from "../../../web/words";

type Better = "less" | "more" | "";
type Row = [name: string, of: (r: Result, run: Run) => number | null | undefined, say: (v: number | null | undefined) => string, better: Better, kept?: boolean];

const hours = (s: number | null | undefined) => (s == null ? s : s / 3600);
const ratio = (v: number | null | undefined) => (v == null ? "–" : v.toFixed(2) + "×");

function rows(p: Payload): Row[] {
  const toIdeal = (run: Run, cost: number | null) => {
    const whole = run.ideal >= 0 && p.bill?.money ? p.bill.totals[run.ideal] : null;
    return cost != null && whole ? cost / whole : null;
  };
  return [
    ["items", (r) => r.items, whole, ""],
    ["never started", (r) => r.unstarted, whole, ""],
    ["within objective", (r) => r.within_objective, (v) => percent(v, 2), "more"],
    ["wait, mean", (r) => r.wait?.mean, span, "less"],
    ["wait p50", (r) => r.wait?.p50, span, "less"],
    ["wait p95", (r) => r.wait?.p95, span, "less"],
    ["wait p99", (r) => r.wait?.p99, span, "less"],
    ["wait, longest", (r) => r.wait?.max, span, "less"],
    ["instance hours", (r) => hours(r.instance_seconds), digits, "less", true],
    ["÷ clairvoyant", (r) => (r.clairvoyant_instance_seconds ? r.instance_seconds / r.clairvoyant_instance_seconds : null), ratio, ""],
    ["work hours", (r) => hours(r.work_seconds), digits, ""],
    ["efficiency", (r) => r.efficiency, percent, "more", true],
    ["cost", (r) => r.cost, money, "less", true],
    ["cost ÷ clairvoyant", (r, run) => toIdeal(run, r.cost), ratio, ""],
    ["launches", (r) => r.launches, whole, ""],
    ["wakes", (r) => r.wakes, whole, ""],
    ["sleeps", (r) => r.sleeps, whole, ""],
    ["terminations", (r) => r.terminations, whole, ""],
    ["interruptions", (r) => r.interruptions, whole, ""],
    ["peak instances", (r) => r.peak, whole, ""],
    ["ticks", (r) => r.ticks, whole, ""],
    ["forecast 15 min ÷ last week", (r) => r.forecast?.arrivals_15m.over_last_week, ratio, ""],
    ["forecast 15 min ÷ last value", (r) => r.forecast?.arrivals_15m.over_last_value, ratio, ""],
    ["within its p99", (r) => r.forecast?.arrivals_15m.within_p99, percent, ""],
    ["forecast 60 min ÷ last week", (r) => r.forecast?.arrivals_60m.over_last_week, ratio, ""],
    ["forecast 60 min ÷ last value", (r) => r.forecast?.arrivals_60m.over_last_value, ratio, ""],
    ["within its p99", (r) => r.forecast?.arrivals_60m.within_p99, percent, ""],
  ];
}

const clairvoyant = (r: Run) => /^clairvoyant\b/.test(r.name);

/** best are the columns that win a line; none if all are alike. */
function best(values: (number | null | undefined)[], counts: boolean[], better: Better): boolean[] {
  const known = values.filter((v, i): v is number => v != null && counts[i]);
  if (!better || known.length < 2 || new Set(known).size === 1) return values.map(() => false);
  const top = better === "less" ? Math.min(...known) : Math.max(...known);
  return values.map((v, i) => counts[i] && v === top);
}

export function table(p: Payload, names: string[]): HTMLElement {
  const head = el("tr", {}, el("th", { scope: "col" }, el("span", { class: "unseen" }, "figure")),
    ...p.runs.map((r, i) => el("th", { scope: "col", title: r.name }, names[i], r.peer && el("small", {}, "peer"))));
  const body = rows(p).flatMap(([name, of, say, better, kept]) => {
    const values = p.runs.map((r) => of(r.result, r));
    if (values.every((v) => v == null) || (name === "never started" && values.every((v) => !v))) return [];
    const wins = best(values, p.runs.map((r) => !clairvoyant(r) && !(kept && r.missed)), better);
    return [el("tr", {}, el("th", { scope: "row" }, name), ...values.map((v, i) =>
      el("td", wins[i] ? { class: "best" } : {}, say(v), wins[i] && el("span", { class: "unseen" }, " (best)"))))];
  });
  return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "figures" },
    el("table", { class: "figures" }, el("thead", {}, head), el("tbody", {}, ...body)));
}

const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** week is a heat map of arrivals by day and hour. */
export function week(items: number[], of: string): HTMLElement {
  const most = Math.max(...items, 1e-9);
  const out = el("p", { class: "readout" }, `Darkest: ${digits(most)} items an hour. Times are UTC.`);
  const tell = (d: number, h: number) => `${days[d]} ${String(h).padStart(2, "0")}:00 – ${String(h + 1).padStart(2, "0")}:00: ${digits(items[24 * d + h])} items an hour`;
  const head = el("tr", {}, el("td"), ...Array.from({ length: 24 }, (_, h) => el("th", { scope: "col" }, h % 6 ? "" : String(h).padStart(2, "0"))));
  const body = days.map((day, d) => el("tr", {}, el("th", { scope: "row" }, day), ...Array.from({ length: 24 }, (_, h) => {
    const cell = el("td", { title: tell(d, h), pointerenter: () => (out.textContent = tell(d, h)), click: () => (out.textContent = tell(d, h)) },
      el("span", { class: "unseen" }, digits(items[24 * d + h])));
    cell.style.setProperty("--share", Math.round(100 * Math.sqrt(items[24 * d + h] / most)) + "%");
    return cell;
  })));
  return el("section", { class: "chart" }, el("h2", {}, "The week's shape ", el("small", {}, "items that arrive by hour of the week" + of)),
    el("table", { class: "week" }, el("thead", {}, head), el("tbody", {}, ...body)), out);
}
