// The settings of a sweep: cost against wait, and which are not beaten at both.
import uPlot from "uplot";
import { faded, font, spans } from "../../../web/charts";
import type { Payload } from "./data";
import { colour, el } from "../../../web/dom";
import { compact, money, percent, span } from "../../../web/words";

export function sweep(p: Payload): HTMLElement | null {
  const points = p.sweep.filter((s) => s.values[0] != null && s.values[1] != null)
    .sort((a, b) => a.values[0]! - b.values[0]! || a.values[1]! - b.values[1]!);
  if (!points.length) return null;
  const box = el("div", { class: "plot" });
  const out = el("p", { class: "readout", role: "status" }, "Filled and joined: nothing else is better at both. Move over a point to see its setting.");
  const rows = points.map((s) => el("tr", s.frontier ? { class: "best" } : {}, el("th", { scope: "row" }, s.label),
    el("td", {}, money(s.values[0])), el("td", {}, span(s.values[1])), el("td", {}, percent(s.values[2], 2)), el("td", {}, s.frontier ? "yes" : "")));
  const section = el("section", { class: "chart", id: "sweep" }, el("h2", {}, "Sweep ", el("small", {}, "cost (across) against wait (up), each point a setting")), box, out,
    el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "settings of the sweep" }, el("table", { class: "figures" },
      el("thead", {}, el("tr", {}, ...["setting", "cost", "wait", "within objective", "frontier"].map((h) => el("th", { scope: "col" }, h)))), el("tbody", {}, ...rows))));
  let drawn: { plot: uPlot; watch: ResizeObserver } | null = null;
  const draw = () => {
    drawn?.watch.disconnect();
    drawn?.plot.destroy();
    const plot = new uPlot(options(box.clientWidth, points, out), [
      points.map((s) => s.values[0]!), points.map((s) => s.values[1]), points.map((s) => (s.frontier ? s.values[1] : null)),
    ] as uPlot.AlignedData, box);
    const watch = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: 260 }));
    watch.observe(box);
    drawn = { plot, watch };
  };
  requestAnimationFrame(draw);
  section.addEventListener("redraw", draw);
  return section;
}

function options(width: number, points: Payload["sweep"], out: HTMLElement): uPlot.Options {
  const axis = { stroke: colour("soft"), font: font(), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false } };
  const wide = (_: uPlot, min: number, max: number): uPlot.Range.MinMax => {
    const room = (max - min || Math.abs(max) || 1) * 0.08;
    return [Math.max(0, min - room), max + room];
  };
  return {
    width, height: 260, padding: [12, 16, 0, 0],
    scales: { x: { time: false, range: wide }, y: { range: wide } },
    axes: [
      { ...axis, values: (_, s) => s.map(compact), space: 60 },
      { ...axis, size: 58, incrs: spans, values: (_, s) => s.map((v) => (v ? span(v) : "0")) },
    ],
    series: [
      {},
      { paths: () => null, points: { show: true, size: 8, width: 1.5, stroke: colour("blue"), fill: faded(colour("blue"), 0.15) } },
      { spanGaps: true, stroke: colour("orange"), width: 1.5, points: { show: true, size: 9, stroke: colour("orange"), fill: colour("orange") } },
    ],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: {
      setCursor: [(u) => {
        const i = u.cursor.idx;
        if (i == null || u.cursor.left! < 0) return;
        const s = points[i];
        out.textContent = `${s.label}: costs ${money(s.values[0])}, wait ${span(s.values[1])}, ${percent(s.values[2], 2)} within the objective`;
      }],
    },
  };
}
