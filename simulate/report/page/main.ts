// The page: what came of the policies, and why.
import { type Chart, Stage } from "../../../web/charts";
import { type Payload, load } from "./data";
import { every, list, Panel } from "./decisions";
import { el } from "../../../web/dom";
import { table, week } from "./figures";
import { bill, fleet, markOf, waiting, waits } from "./overtime";
import { sweep } from "./sweep";
import { short, utc } from "../../../web/words";

class Page {
  private names: string[];
  private run = -1;
  private fleet = 0;
  private queue = 0;
  private stage: Stage | null = null;
  private panel: Panel;
  private single = el("div"); // charts of one policy
  private all = el("div"); // charts of all
  private shape = el("div");
  private chosen = el("div");
  private choices = el("div", { class: "choices" });
  private swept: HTMLElement | null = null;

  constructor(private p: Payload) {
    this.names = short(p.runs.map((r) => r.name));
    this.run = p.runs.findIndex((r) => r.fleets.length > 0);
    this.panel = new Panel((t) => this.stage?.point(t), (t) => this.stage?.mark(t));
    if (p.bill) {
      const at = p.bill.at;
      this.stage = new Stage(p.start + at[0], p.start + at[at.length - 1], { moved: (t) => this.panel.tell(t), zoomed: () => this.listAgain() });
    }
  }

  show(host: HTMLElement): void {
    const p = this.p;
    document.title = `${p.scenario} – SkyNet simulation`;
    this.swept = sweep(p);
    host.replaceChildren(
      el("header", {}, el("p", { class: "soft" }, "SkyNet simulation"), el("h1", {}, p.scenario), el("p", { class: "soft" }, this.about())),
      el("div", { class: p.runs.length <= 4 && this.stage ? "summary" : "" }, el("div", {}, table(p, this.names), p.runs.length > 1 ? el("p", { class: "soft key" }, el("span", { class: "best" }, "Marked"), " is the best of a line, the clairvoyant aside" + (p.runs.some((r) => r.missed) ? "; of hours and cost, the best of those that keep what they promise." : ".")) : ""),
        el("div", {}, this.all, this.shape)),
      ...(this.run >= 0 ? this.overTime() : []),
      this.swept ?? "",
      el("footer", { class: "soft" }, ...p.notes.map((n) => el("p", {}, n))),
    );
    this.redraw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    let wide = innerWidth >= 600;
    addEventListener("resize", () => {
      if (wide !== (wide = innerWidth >= 600)) this.redraw();
    });
  }

  private about(): string {
    const { p } = this;
    const policies = p.runs.filter((r) => !r.peer).length, peers = p.runs.length - policies;
    const parts = [`seed ${p.seed}`, `${policies} ${policies === 1 ? "policy" : "policies"}${peers ? `, ${peers} ${peers === 1 ? "peer" : "peers"}` : ""}`];
    if (this.stage) {
      const { from, until } = this.stage;
      parts.push(`${utc.weekday(from)} ${utc.date(from)} ${utc.year(from)} to ${utc.moment(60 * Math.round(until / 60))} UTC`);
    }
    return parts.join(" · ");
  }

  private overTime(): HTMLElement[] {
    const button = (sign: string, name: string, act: () => void) => el("button", { type: "button", "aria-label": name, title: name, click: act }, sign);
    const bar = el("div", { class: "toolbar", role: "toolbar", "aria-label": "what is shown" }, this.choices,
      el("div", { class: "zoom" }, button("+", "zoom in", () => this.stage!.zoom(0.5)), button("−", "zoom out", () => this.stage!.zoom(2)), button("All", "show all of the time", () => this.stage!.all())));
    return [bar,
      el("p", { class: "soft hint" }, "Drag to zoom, double click to show all; on a touch screen slide over a chart."),
      el("div", { class: "columns" }, el("div", { class: "charts" }, this.single), this.panel.box),
      el("section", { id: "decisions" }, el("h2", {}, "Decisions"), this.chosen)];
  }

  private choose(): void {
    const { p } = this, run = p.runs[this.run], f = run.fleets[this.fleet];
    const pick = (name: string, options: [number, string][], now: number, take: (i: number) => void) => {
      if (options.length < 2) return "";
      const select = el("select", { change: (e) => { take(Number(e.target.value)); this.redraw(); document.getElementById("choose-" + name)?.focus(); }, id: "choose-" + name });
      select.append(...options.map(([i, label]) => { const o = el("option", { value: String(i) }, label); o.selected = i === now; return o; }));
      return el("label", {}, name, " ", select);
    };
    this.choices.replaceChildren(
      pick("policy", p.runs.flatMap((r, i): [number, string][] => (r.fleets.length ? [[i, this.names[i] + (r.peer ? " (peer)" : "")]] : [])), this.run, (i) => {
        this.run = i;
        this.fleet = Math.min(this.fleet, p.runs[i].fleets.length - 1);
        this.queue = Math.min(this.queue, p.runs[i].fleets[this.fleet].queues.length - 1);
      }),
      pick("fleet", run.fleets.map((x, i) => [i, x.name]), this.fleet, (i) => { this.fleet = i; this.queue = 0; }),
      pick("queue", f.queues.map((q, i) => [i, q.name || "all"]), this.queue, (i) => { this.queue = i; }),
    );
  }

  private redraw(): void {
    this.swept?.dispatchEvent(new Event("redraw"));
    if (!this.stage || this.run < 0) return;
    const { p, stage } = this, f = p.runs[this.run].fleets[this.fleet], q = f.queues[this.queue];
    const at = f.at.map((t) => t + p.start);
    this.choose();
    stage.clear();
    this.panel.of(f, p.start);
    const marks: Chart["marks"] = [];
    for (const d of f.decisions) {
      const colour = markOf(d);
      if (colour) marks.push({ at: d.at + p.start, colour });
    }
    this.single.replaceChildren(
      stage.draw(waiting(at, q)), stage.draw(waits(at, q)), stage.draw(fleet(at, f, q.arrived, marks)),
      el("p", { class: "soft rug" }, "Ticks on top: ", ...[["come", "launch, wake, recall"], ["go", "drain"], ["rest", "sleep, terminate"], ["bad", "blind, or no decision"]].flatMap(([c, said]) => [el("span", { class: c }), said + " "]), every(f) && " · " + every(f)),
    );
    const cost = bill(p, this.names, this.run);
    this.all.replaceChildren(...(cost ? [stage.draw(cost)] : []));
    this.shape.replaceChildren(...(f.week ? [week(f.week, p.runs[this.run].fleets.length > 1 ? ", fleet " + f.name : "")] : []));
    this.listAgain();
  }

  private pending = 0;

  private listAgain(): void {
    cancelAnimationFrame(this.pending);
    this.pending = requestAnimationFrame(() => {
      const { stage, p } = this;
      if (!stage) return;
      const f = p.runs[this.run].fleets[this.fleet];
      this.chosen.replaceChildren(list(f, p.start, stage.min, stage.max, (t) => stage.point(t)));
    });
  }
}

load().then(
  (p) => new Page(p).show(document.getElementById("page")!),
  (e) => { document.getElementById("page")!.textContent = "This report cannot be read here (a browser of 2023 or later is needed): " + e; },
);
