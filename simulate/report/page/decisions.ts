// The decision nearest to the cursor, and the list of those that changed something.
import type { Decision, Fleet } from "./data";
import { el } from "../../../web/dom";
import { span, utc, whole } from "../../../web/words";

/** deeds says what a decision does. */
export function deeds(d: Decision): string {
  if (d.failed) return "no decision";
  const done = ([["launch", d.launch], ["wake", d.wake], ["recall", d.recall], ["drain", d.drain], ["sleep", d.sleep], ["terminate", d.terminate]] as const)
    .filter(([, n]) => n).map(([verb, n]) => `${verb} ${whole(n)}`).join(", ") || "hold";
  return d.blind ? done + " (blind)" : done;
}

export const wants = (d: Decision) => (d.failed ? "" : `${whole(d.have)} → ${whole(d.want)}`);

export class Panel {
  readonly box: HTMLElement;
  private body = el("div", { class: "told", role: "status" }, el("p", { class: "soft" }, "Move over a chart, or tap it, to read why."));
  private distance = el("span");
  private fleet: Fleet | null = null;
  private start = 0;
  private told = -1;

  constructor(private go: (t: number) => void, private mark: (t: number) => void) {
    const step = (by: number, name: string, sign: string) => el("button", { type: "button", "aria-label": name, title: name, click: () => this.step(by) }, sign);
    this.box = el("aside", { class: "panel", "aria-label": "decision" },
      el("div", { class: "bar" }, el("h2", {}, "Decision"), step(-1, "the decision before", "‹"), step(1, "the next decision", "›")), this.body);
  }

  of(f: Fleet, start: number): void {
    this.fleet = f;
    this.start = start;
    this.told = -1;
    if (!f.decisions.length) this.body.replaceChildren(el("p", { class: "soft" }, "No decision changed anything."));
  }

  /** tell tells of the decision nearest to a time. */
  tell(t: number): void {
    const list = this.fleet?.decisions;
    if (!list?.length) return;
    const at = t - this.start;
    let low = 0, high = list.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].at < at) low = middle + 1;
      else high = middle;
    }
    const i = low > 0 && at - list[low - 1].at <= list[low].at - at ? low - 1 : low;
    if (i !== this.told) this.show(i);
    const off = at - list[i].at;
    this.distance.textContent = Math.abs(off) < 60 ? "" : `, ${span(Math.abs(off))} ${off > 0 ? "before" : "after"} the cursor`;
  }

  private step(by: number): void {
    const list = this.fleet?.decisions ?? [];
    const i = this.told < 0 ? 0 : Math.min(Math.max(this.told + by, 0), list.length - 1);
    if (!list[i]) return;
    this.go(list[i].at + this.start);
    this.show(i); // of several as near, the one asked for
  }

  private show(i: number): void {
    const d = this.fleet!.decisions[i];
    this.told = i;
    this.mark(d.at + this.start);
    this.distance.textContent = "";
    this.body.replaceChildren(
      el("p", { class: "when" }, utc.moment(d.at + this.start) + " UTC", this.distance),
      el("p", { class: "deed" }, el("strong", {}, deeds(d)), !d.failed && el("span", {}, ` have ${whole(d.have)} → want ${whole(d.want)}`)),
      d.failed ? el("p", {}, d.failed) : "",
      el("ul", { class: "reasons" }, ...d.reasons.map(([by, said]) => el("li", {}, el("b", {}, by), " ", said))),
    );
  }
}

/** list is the decisions within a stretch of time, a few at first. */
export function list(f: Fleet, start: number, from: number, until: number, go: (t: number) => void): HTMLElement {
  const seen = f.decisions.filter((d) => d.at + start >= from && d.at + start <= until);
  const left = f.changed - f.decisions.length;
  const note = `${whole(seen.length)} in the time shown changed something; ${whole(f.changed)} of ${whole(f.ticks)} in all` +
    (left > 0 ? `, of which the smaller ${whole(left)} are left out of this file` : "") + ".";
  const body = el("tbody");
  const more = el("button", { type: "button", class: "more" });
  let shown = 0;
  const add = (n: number) => {
    for (const d of seen.slice(shown, shown + n)) {
      const t = d.at + start;
      body.append(el("tr", {}, el("th", { scope: "row" }, el("button", { type: "button", class: "link", click: () => go(t) }, utc.moment(t))),
        el("td", {}, deeds(d)), el("td", { class: "number" }, wants(d)),
        el("td", { class: "why" }, d.failed || d.reasons.map(([by, said]) => `${by}: ${said}`)[0] || "")));
    }
    shown = Math.min(shown + n, seen.length);
    more.hidden = shown >= seen.length;
    more.textContent = `Show ${whole(Math.min(200, seen.length - shown))} more`;
  };
  more.addEventListener("click", () => add(200));
  add(25);
  return el("div", {}, el("p", { class: "soft" }, note),
    seen.length > 0 && el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "list of decisions" }, el("table", { class: "list" },
      el("thead", {}, el("tr", {}, ...["time, UTC", "does", "have → want", "because"].map((h) => el("th", { scope: "col" }, h)))), body)), more);
}

/** legend of how far things are apart. */
export const every = (f: Fleet) => (f.every > 1 && f.at.length > 1 ? `Each point stands for ${whole(f.every)} ticks (${span((f.at[f.at.length - 1] - f.at[0]) / (f.at.length - 1))}).` : "");
