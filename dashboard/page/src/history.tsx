// The charts of the time that is looked at, and what happened in it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Chart, type Drawn, Stage } from "../../../web/charts";
import { local } from "../../../web/words";
import { type Fleet, type Forecast, type History, ask } from "./api";
import { type Range, go, ranges } from "./link";
import { now } from "./model";
import { At, here, rough } from "./said";
import { type Key, ahead, charts, happenings, kinds } from "./series";

export const lengthOf = (r: Range) => ranges.find(([name]) => name === r)![1];

interface Past { of: string; history: History; forecast: Forecast | null; from: number; to: number }

/** usePast asks for the history again whenever a point of it may be new. */
export function usePast(fleet: string, range: Range, news: number): { past: Past | null; trouble: string } {
  const [past, set] = useState<Past | null>(null);
  const [trouble, say] = useState("");
  const [tries, again] = useState(0);
  const asked = useRef({ of: "", at: 0 });
  const of = fleet + "/" + range;
  useEffect(() => {
    const length = lengthOf(range), to = now(), from = to - length;
    if (asked.current.of === of && to - asked.current.at < Math.min((past?.history.step ?? 60) / 2, 300)) return;
    asked.current = { of, at: to };
    const mine = () => asked.current.of === of;
    const iso = (t: number) => new Date(1000 * t).toISOString();
    void (async () => {
      try {
        const [history, forecast] = await Promise.all([
          ask<History>("history", { fleet, from: iso(from), to: iso(to), points: 600 }),
          ask<Forecast>("forecast", { fleet }).catch(() => null), // none is no reason not to show what was
        ]);
        if (mine()) set({ of, history, forecast, from, to });
        say("");
      } catch (e) {
        if (!mine()) return;
        asked.current.at = 0;
        say((e as Error).message);
        setTimeout(() => again((n) => n + 1), 10_000);
      }
    })();
  }, [of, news, tries]);
  return { past: past?.of === of ? past : null, trouble };
}

/** Shown is the stretch of time that the charts show. */
export interface Shown { from: number; to: number; live: boolean }

export function Charts({ fleet, queue, range, past, trouble, shown, chosen }: {
  fleet: Fleet; queue: string; range: Range; past: Past | null; trouble: string; shown: (s: Shown) => void; chosen: (t: number, within: number) => void;
}) {
  const tint = useTint();
  const [at, tell] = useState<number | null>(null);
  const step = past?.history.step ?? 60;
  const latest = useRef({ shown, chosen, step });
  latest.current = { shown, chosen, step };
  const stage = useMemo(() => {
    const to = now(), length = lengthOf(range);
    const s: Stage = new Stage(to - length, to + ahead(length), {
      moved: tell, zoomed: () => latest.current.shown({ from: s.min, to: s.max, live: s.max === s.until }),
      chosen: (t) => latest.current.chosen(t, latest.current.step),
    }, local, { tall: 180, margin: false, last: true });
    return s;
  }, [fleet.name, range, tint]);
  const list = useMemo(() => (past ? charts({ history: past.history, fleet, queue, forecast: past.forecast, now: past.to, until: past.to + ahead(lengthOf(range)) }) : []), [past, queue, fleet.budget?.hourly]);
  useEffect(() => {
    if (past) stage.reach(past.from, past.to + ahead(lengthOf(range)));
  }, [past, stage]);
  const [whole, setWhole] = useState(true);
  useEffect(() => {
    const timer = setInterval(() => setWhole(stage.whole), 400);
    return () => clearInterval(timer);
  }, [stage]);
  const empty = past && past.history.time.length === 0;
  return <section class="past" aria-labelledby="past">
    <div class="toolbar">
      <h2 id="past">Over time <small>times are {zone()}</small></h2>
      <div class="tools">
        {fleet.queues.length > 1 && <label class="pick">Queue <select value={queue} onChange={(e) => go({ queue: e.currentTarget.value })}><option value="">all together</option>{fleet.queues.map((q) => <option key={q.name} value={q.name}>{q.name}</option>)}</select></label>}
        <div class="ranges" role="group" aria-label="how far back">{ranges.map(([r, , name]) =>
          <button type="button" key={r} aria-pressed={r === range} title={"the last " + name} onClick={() => go({ range: r })}>{r}</button>)}</div>
        <div class="zoom" role="group" aria-label="zoom">
          <button type="button" aria-label="zoom in" title="zoom in (+)" onClick={() => stage.zoom(0.5)}>+</button>
          <button type="button" aria-label="zoom out" title="zoom out (−)" onClick={() => stage.zoom(2)}>−</button>
          <button type="button" title="show all of the time (0)" disabled={whole} onClick={() => stage.all()}>All</button>
        </div>
      </div>
    </div>
    {trouble && <p class="trouble" role="alert">The history cannot be read: {trouble}.</p>}
    {!past && !trouble && <p class="hold">The history is being read.</p>}
    {empty && <p class="hold">Nothing is recorded of this time yet. Points appear here from the first tick on.</p>}
    {past && !empty && <>
      <p class="soft hint">Click a minute, or press Enter on it, for all that was known and why. Drag to zoom; arrow keys, + and − do too.</p>
      <div class="charts">{list.map(([key, c]) => <Plot key={key} id={key} stage={stage} chart={c} />)}
        <Happened past={past} chosen={(t) => chosen(t, step)} /></div>
      <p class="unseen" aria-live="polite">{at != null && atHand(list, at)}</p>
    </>}
  </section>;
}

/** zone is the reader's, by name and by how far it is from UTC. */
function zone(): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone, off = local.zone(now());
  return !name || name === off ? off : `${name.replace(/_/g, " ")}, ${off}`;
}

/** atHand tells in words what the charts have at a time, for those who do not see them. */
function atHand(list: [Key, Chart][], t: number): string {
  const c = list.map(([, c]) => c);
  const parts = c.flatMap((c) => {
    const i = nearest(c.at, t), l = c.lines[0];
    return i < 0 || !l ? [] : c.title === "Workers" ? c.lines.filter((l) => l.values[i]).map((l) => `${l.label} ${l.say(l.values[i], i)}`) : [`${c.title}, ${l.label} ${l.say(l.values[i] ?? null, i)}`];
  });
  return `${local.moment(Math.round(t))}: ${parts.join("; ")}`;
}

function nearest(at: number[], t: number): number {
  let best = -1;
  for (let i = 0; i < at.length; i++) if (best < 0 || Math.abs(at[i] - t) < Math.abs(at[best] - t)) best = i;
  return best;
}

function Plot({ id, stage, chart }: { id: string; stage: Stage; chart: Chart }) {
  const box = useRef<HTMLDivElement>(null), drawn = useRef<Drawn | null>(null);
  const lines = chart.lines.map((l) => l.label).join();
  useEffect(() => {
    drawn.current = stage.put(chart, box.current!);
    return () => { drawn.current?.remove(); drawn.current = null; };
  }, [stage, lines]);
  useEffect(() => drawn.current?.feed(chart), [chart]);
  return <section class={"chart " + id}>
    <h3>{chart.title} <small>{chart.note}</small></h3>
    <div class="plot" ref={box} tabIndex={0} role="group" aria-label={`Chart of ${chart.title}: ${chart.note}. Arrow keys move the cursor, Enter opens the minute, plus and minus zoom, 0 shows all.`} />
    <AsTable stage={stage} chart={chart} />
  </section>;
}

/** AsTable has a chart's numbers, as many as one reads. */
function AsTable({ stage, chart }: { stage: Stage; chart: Chart }) {
  const [open, set] = useState(false);
  const rows = open ? thin(chart.at.map((_, i) => i).filter((i) => chart.at[i] >= stage.min && chart.at[i] <= stage.max), 40) : [];
  return <details class="as-table" onToggle={(e) => set((e.currentTarget as HTMLDetailsElement).open)}>
    <summary>as a table</summary>
    {open && <div class="wide" tabIndex={0} role="region" aria-label={chart.title + " as a table"}><table class="list plain">
      <thead><tr><th scope="col">time</th>{chart.lines.map((l) => <th scope="col" key={l.label}>{l.label}</th>)}</tr></thead>
      <tbody>{rows.map((i) => <tr key={i}><th scope="row"><At t={chart.at[i]} date="always" /></th>{chart.lines.map((l) => <td key={l.label}>{l.say(l.values[i] ?? null, i)}</td>)}</tr>)}</tbody>
    </table></div>}
  </details>;
}

function thin(list: number[], most: number): number[] {
  const every = Math.ceil(list.length / most);
  return list.filter((_, i) => i % every === 0).reverse();
}

const nameOf = (kind: string) => kinds[kind]?.[1] ?? kind;

/** Happened lists the marks of the charts: a colour alone tells nobody why. */
function Happened({ past, chosen }: { past: Past; chosen: (t: number) => void }) {
  const list = useMemo(() => happenings(past.history).reverse(), [past]);
  const [all, show] = useState(false);
  const seen = all ? list : list.slice(0, 6);
  return <section class="happened" aria-labelledby="happened">
    <h3 id="happened">Marks <small>on top of the charts</small></h3>
    {!list.length && <p class="soft">No pause, blind tick, open breaker, reached budget or change of policy in this time.</p>}
    <ul>{seen.map((x) => <li key={x.kind + x.from}>
      <i class={"swatch " + x.kind} aria-hidden="true" /><button type="button" class="link" onClick={() => chosen(x.from)}><At t={x.from} /></button>{" "}
      {!x.text.startsWith(nameOf(x.kind)) && <b>{nameOf(x.kind)} </b>}{x.to > x.from && <span class="soft">for {rough(x.to - x.from)}: </span>}<span class="why">{here(x.text)}</span>
    </li>)}</ul>
    {list.length > seen.length && <button type="button" class="link" onClick={() => show(true)}>all {list.length}</button>}
  </section>;
}

/** useTint changes where colours do, since charts are painted. */
function useTint(): string {
  const query = "(prefers-color-scheme: dark)";
  const [dark, set] = useState(() => matchMedia(query).matches);
  const [small, setSmall] = useState(() => innerWidth < 600);
  useEffect(() => {
    const m = matchMedia(query), f = () => set(m.matches), r = () => setSmall(innerWidth < 600);
    m.addEventListener("change", f);
    addEventListener("resize", r);
    return () => { m.removeEventListener("change", f); removeEventListener("resize", r); };
  }, []);
  return `${dark}/${small}`;
}
