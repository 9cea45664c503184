// Charts over time that share a cursor and a stretch of time, on top of uPlot.
import uPlot from "uplot";
import { colour, el } from "./dom";
import { type Times, compact, utc } from "./words";

export interface Line {
  label: string;
  values: (number | null)[];
  colour: string; // a name of the style sheet
  say: (v: number | null, i: number) => string;
  fill?: number; // how opaque the area below is, 0 to 1
  width?: number;
  dash?: number[];
  right?: boolean; // on the right axis
  steps?: boolean;
  tint?: number; // how opaque its mark in the legend is, 1 if left out
}

export interface Chart {
  title: string;
  note: string;
  at: number[]; // Unix seconds
  lines: Line[];
  left: Axis;
  right?: Axis;
  marks?: { at: number; colour: string }[];
  shades?: { from: number; to: number; colour: string }[]; // stretches of time
  bands?: { upper: number; lower: number; colour: string; fill: number }[]; // between two lines, by their place in the list
  now?: number; // a line between what was and what may be
  switches?: boolean; // lines can be switched off in the legend
}

export interface Axis {
  say: (v: number) => string;
  atLeast?: number; // the axis reaches so far
  atMost?: number;
  times?: boolean; // it counts seconds
}

/** spans are steps of an axis that counts seconds. */
export const spans = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 864000];

const small = () => window.innerWidth < 600;
const sideways = () => (small() ? 44 : 58);

/** Drawn is a chart on the stage. */
export interface Drawn {
  /** feed shows new numbers in the same lines. */
  feed: (c: Chart) => void;
  remove: () => void;
}

interface Put {
  plot: uPlot;
  chart: Chart;
  here: HTMLElement;
  watch: ResizeObserver;
}

export interface Heard {
  moved: (t: number) => void; // the cursor is there
  zoomed: () => void; // another stretch of time is shown
  chosen?: (t: number) => void; // a time was clicked, or asked for by the keyboard
}

export interface Looks {
  tall: number; // pixels
  margin: boolean; // room for a right axis, whether there is one or not, so that times stand below each other
  last?: boolean; // where there is no cursor the legend tells the newest numbers
}

/** Stage is all charts that share time. */
export class Stage {
  private charts: Put[] = [];
  private quiet = 0; // changes of our own that charts have not told of yet
  private now: number | null = null;
  min: number;
  max: number;

  constructor(public from: number, public until: number, private tell: Heard, private times: Times = utc, private looks: Looks = { tall: 220, margin: true }) {
    this.min = from;
    this.max = until;
  }

  clear(): void {
    for (const c of [...this.charts]) this.remove(c);
  }

  private remove(c: Put): void {
    c.watch.disconnect();
    c.plot.destroy();
    this.charts = this.charts.filter((other) => other !== c);
  }

  /** reach has another stretch of time to show. What is zoomed stays, while it is within. */
  reach(from: number, until: number): void {
    const all = this.whole, follows = this.max === this.until, width = this.max - this.min;
    this.from = from;
    this.until = until;
    if (all) this.show(from, until);
    else if (follows) this.show(until - width, until);
    else this.show(this.min, this.max);
  }

  /** whole says whether all of the time is shown. */
  get whole(): boolean {
    return this.min === this.from && this.max === this.until;
  }

  /** draw makes a chart and returns its section. */
  draw(c: Chart): HTMLElement {
    const box = el("div", { class: "plot", tabindex: "0", role: "group", "aria-label": `${c.title}: ${c.note}. Arrow keys move the cursor, plus and minus zoom, 0 shows all.` });
    const section = el("section", { class: c.switches ? "chart switches" : "chart" }, el("h2", {}, c.title, " ", el("small", {}, c.note)), box);
    requestAnimationFrame(() => { if (box.isConnected) this.put(c, box); });
    return section;
  }

  /** put draws a chart into a box that is on the page. */
  put(c: Chart, box: HTMLElement): Drawn {
    const own = { chart: c } as Put;
    const plot = new uPlot(this.options(own, box.clientWidth), dataOf(c), box);
    const here = el("div", { class: "here" });
    plot.over.append(here);
    const watch = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: this.height() }));
    watch.observe(box);
    Object.assign(own, { plot, here, watch });
    this.charts.push(own);
    this.quietly(() => plot.setScale("x", { min: this.min, max: this.max }));
    const key = (e: KeyboardEvent) => this.key(e);
    box.addEventListener("keydown", key);
    this.choose(plot);
    plot.over.addEventListener("pointermove", (e) => {
      if (e.pointerType === "touch") this.scrub(plot, e.offsetX);
    });
    if (this.now != null) this.mark(this.now);
    if (this.looks.last) this.rest(plot, c);
    return {
      feed: (fresh) => {
        own.chart = fresh;
        this.quietly(() => { plot.setData(dataOf(fresh), false); plot.setScale("x", { min: this.min, max: this.max }); });
        if (this.looks.last && (plot.cursor.left ?? -1) < 0) this.rest(plot, fresh);
      },
      remove: () => { box.removeEventListener("keydown", key); this.remove(own); },
    };
  }

  /** rest has the legend tell the newest numbers. */
  private rest(u: uPlot, c: Chart): void {
    const until = c.now ?? Infinity;
    let i = c.at.length - 1;
    while (i > 0 && (c.at[i] > until || c.lines.every((l) => l.values[i] == null))) i--;
    if (i >= 0) u.setLegend({ idx: i }, false);
  }

  /** choose tells of clicks, which end where they began. */
  private choose(plot: uPlot): void {
    const { chosen } = this.tell;
    if (!chosen) return;
    let down = 0, soon = 0;
    plot.over.addEventListener("pointerdown", (e) => { down = e.clientX; });
    plot.over.addEventListener("click", (e) => {
      clearTimeout(soon);
      const t = plot.posToVal(e.offsetX, "x");
      // The first of two clicks may not take the second's place.
      if (e.detail < 2 && Math.abs(e.clientX - down) < 4) soon = window.setTimeout(() => chosen(t), 220);
    });
  }

  private height = () => (small() ? Math.min(190, this.looks.tall) : this.looks.tall);

  private options(own: Put, width: number): uPlot.Options {
    const c = own.chart, { times } = this;
    const coarse = c.at.length > 1 && (c.at[c.at.length - 1] - c.at[0]) / c.at.length >= 60; // seconds would feign precision
    const text = colour("soft"), grid = colour("grid");
    const axis = (a: Axis, scale: string, side: number): uPlot.Axis => ({
      scale, side, size: sideways(), stroke: text, font: font(), gap: 4,
      grid: { show: side === 3, stroke: grid, width: 1 }, ticks: { show: false },
      values: (_, splits) => splits.map((v) => (v == null ? "" : a.say(v))),
      ...(a.times ? { incrs: spans } : {}),
    });
    const range = (a: Axis): uPlot.Scale.Range => (_, __, most) => [0, a.atMost ?? Math.max((most ?? 0) * 1.05, a.atLeast ?? 0, 1e-9)];
    return {
      width, height: this.height(),
      padding: [8, c.right ? 0 : c.switches || !this.looks.margin ? 16 : sideways(), 0, 0],
      tzDate: (t) => (times.tz ? uPlot.tzDate(new Date(t * 1000), times.tz) : new Date(t * 1000)),
      scales: {
        x: { time: true },
        y: { range: range(c.left) },
        ...(c.right ? { r: { range: range(c.right) } } : {}),
      },
      axes: [
        { stroke: text, font: font(), grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 }, space: small() ? 52 : 70, size: 40, values: (_, splits, __, ___, step) => timeLabels(times, splits, step) },
        axis(c.left, "y", 3),
        ...(c.right ? [axis(c.right, "r", 1)] : []),
      ],
      series: [
        { label: "time", value: (_, t) => (t == null ? "move over the chart" : times.moment(coarse ? 60 * Math.round(t / 60) : t) + " " + times.zone(t)) },
        ...c.lines.map((l): uPlot.Series => ({
          label: l.label, scale: l.right ? "r" : "y", stroke: colour(l.colour), width: l.width ?? 1.5, dash: l.dash,
          fill: l.fill ? faded(colour(l.colour), l.fill) : undefined, points: { show: false },
          paths: l.steps ? uPlot.paths.stepped!({ align: -1 }) : undefined,
          value: (_, v, __, i) => (i == null ? "" : l.say(v, i)),
        })),
      ],
      bands: c.bands?.map((b) => ({ series: [b.upper + 1, b.lower + 1], fill: faded(colour(b.colour), b.fill) })),
      legend: { live: true, markers: { width: 0, fill: (_, i) => { const l = c.lines[i - 1]; return l ? faded(colour(l.colour), l.tint ?? 1) : colour("soft"); } } },
      cursor: {
        y: false, points: { size: 7 }, drag: { x: true, y: false, dist: 6 }, focus: { prox: -1 },
        sync: { key: "time", scales: ["x", null], filters: { pub: (type) => type === "mousemove" || type === "mouseleave", sub: () => true } },
        bind: { dblclick: () => () => (this.all(), null) },
      },
      hooks: {
        setCursor: [(u) => this.look(u)],
        setLegend: [(u) => { if (this.looks.last && u.legend.idx == null) this.rest(u, own.chart); }],
        setScale: [(u, key) => { if (key === "x") this.stretch(u); }],
        drawAxes: [(u) => shade(u, own.chart)],
        draw: [(u) => rug(u, own.chart)],
      },
    };
  }

  /** look tells of the time below the cursor. */
  private look(u: uPlot): void {
    const i = u.cursor.idx;
    if (this.quiet > 0 || u.cursor.left == null || u.cursor.left < 0 || i == null) return;
    this.now = u.data[0][i];
    this.tell.moved(u.posToVal(u.cursor.left, "x"));
  }

  /** stretch has all charts show what one shows. */
  private stretch(u: uPlot): void {
    const { min, max } = u.scales.x;
    if (this.quiet > 0 || min == null || max == null || (min === this.min && max === this.max)) return;
    this.show(min, max);
  }

  show(min: number, max: number): void {
    const least = 300;
    const width = Math.min(Math.max(max - min, least), this.until - this.from);
    this.min = Math.max(this.from, Math.min(min, this.until - width));
    this.max = this.min + width;
    this.quietly(() => this.charts.forEach((c) => c.plot.setScale("x", { min: this.min, max: this.max })));
    this.tell.zoomed();
  }

  all = () => this.show(this.from, this.until);

  zoom(by: number): void {
    const middle = this.now != null && this.now >= this.min && this.now <= this.max ? this.now : (this.min + this.max) / 2;
    const share = (middle - this.min) / (this.max - this.min), width = (this.max - this.min) * by;
    this.show(middle - share * width, middle + (1 - share) * width);
  }

  /** point puts every cursor at a time. */
  point(t: number): void {
    if (t < this.min || t > this.max) {
      const half = (this.max - this.min) / 2;
      this.show(t - half, t + half);
    }
    this.now = t;
    this.quietly(() => this.charts.forEach((c) => c.plot.setCursor({ left: c.plot.valToPos(t, "x"), top: 0 })));
    this.tell.moved(t);
  }

  /** mark shows where the decision that is told of was taken. */
  mark(t: number): void {
    for (const { plot, here } of this.charts) {
      const x = plot.valToPos(t, "x");
      here.style.display = x >= 0 && x <= plot.over.clientWidth ? "block" : "none";
      here.style.transform = `translateX(${x}px)`;
    }
  }

  private scrub(u: uPlot, x: number): void {
    const t = u.posToVal(x, "x");
    if (t >= this.min && t <= this.max) this.point(t);
  }

  private key(e: KeyboardEvent): void {
    const step = ((this.max - this.min) / 200) * (e.shiftKey ? 10 : 1);
    const t = this.now ?? (this.min + this.max) / 2;
    const does: Record<string, () => void> = {
      ArrowLeft: () => this.point(Math.max(this.from, t - step)), ArrowRight: () => this.point(Math.min(this.until, t + step)),
      Home: () => this.point(this.min), End: () => this.point(this.max),
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), "0": this.all, Escape: this.all,
    };
    const { chosen } = this.tell;
    if (chosen) does.Enter = does[" "] = () => chosen(t);
    const act = does[e.key];
    if (!act || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    act();
  }

  private quietly(f: () => void): void {
    this.quiet++;
    f();
    // uPlot commits what is set in a microtask of its own.
    queueMicrotask(() => queueMicrotask(() => { this.quiet--; }));
  }
}

export const font = () => `${small() ? 11 : 12}px system-ui, sans-serif`;

export function faded(c: string, share: number): string {
  const n = parseInt(c.slice(1), 16);
  return `rgba(${n >> 16}, ${(n >> 8) & 255}, ${n & 255}, ${share})`;
}

/** timeLabels are times of day, or dates, with the date below the first and every new one. */
function timeLabels(times: Times, splits: number[], step: number): string[] {
  let last = "";
  return splits.map((t) => {
    if (t == null) return "";
    const day = `${times.weekday(t)} ${times.date(t)}`;
    if (step >= 86400) return `${times.weekday(t)}\n${times.date(t)}`;
    const below = day === last ? "" : "\n" + day;
    last = day;
    return times.clock(t) + below;
  });
}

const dataOf = (c: Chart) => [c.at, ...c.lines.map((l) => l.values)] as uPlot.AlignedData;

/** shade draws the stretches of time below the lines, and where the future begins. */
function shade(u: uPlot, c: Chart): void {
  const { ctx, bbox } = u, right = bbox.left + bbox.width;
  const x = (t: number) => Math.min(Math.max(u.valToPos(t, "x", true), bbox.left), right);
  ctx.save();
  for (const s of c.shades ?? []) {
    const from = x(s.from), to = x(s.to);
    if (to <= bbox.left || from >= right) continue;
    ctx.fillStyle = faded(colour(s.colour), 0.13);
    ctx.fillRect(from, bbox.top, Math.max(to - from, devicePixelRatio), bbox.height);
  }
  if (c.now != null && x(c.now) < right) {
    ctx.fillStyle = faded(colour("soft"), 0.09);
    ctx.fillRect(x(c.now), bbox.top, right - x(c.now), bbox.height);
    ctx.fillStyle = colour("soft");
    ctx.fillRect(x(c.now), bbox.top, devicePixelRatio, bbox.height);
  }
  ctx.restore();
}

/** rug draws the marks along the top. */
function rug(u: uPlot, c: Chart): void {
  if (!c.marks?.length) return;
  const { ctx, bbox } = u, ratio = devicePixelRatio;
  const tints = new Map(c.marks.map((m) => [m.colour, ""]));
  for (const name of tints.keys()) tints.set(name, colour(name));
  ctx.save();
  for (const m of c.marks) {
    const x = u.valToPos(m.at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.fillStyle = tints.get(m.colour)!;
    ctx.fillRect(Math.round(x - ratio / 2), bbox.top, Math.max(1, ratio), 6 * ratio);
  }
  ctx.restore();
}

export const plain: Axis = { say: compact };
