// The lists below the charts: ticks, workers, signals.
import { useEffect, useRef, useState } from "preact/hooks";
import { whole } from "../../../web/words";
import { type Fleet, type TickLine, type Worker, ask } from "./api";
import type { Shown } from "./history";
import { type View, go, views } from "./link";
import { now, useNow } from "./model";
import { At, Known, here, plural, rough, seconds } from "./said";
import { SignalsNow } from "./signals";

const names: Record<View, string> = { ticks: "Ticks", workers: "Workers", signals: "Signals" };

export function Lists({ fleet, view, shown, news }: { fleet: Fleet; view: View; shown: Shown; news: number }) {
  const box = useRef<HTMLDivElement>(null);
  const key = (e: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    go({ view: views[(views.indexOf(view) + step + views.length) % views.length] });
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
  };
  return <section class="lists">
    <div class="tabs" role="tablist" aria-label="lists" ref={box} onKeyDown={key}>{views.map((v) =>
      <button type="button" key={v} role="tab" id={"tab-" + v} aria-controls={"view-" + v} aria-selected={v === view} tabIndex={v === view ? 0 : -1} onClick={() => go({ view: v })}>
        {names[v]}{v === "workers" && fleet.workers && <span class="soft"> {whole(fleet.workers.length)}</span>}</button>)}</div>
    <div role="tabpanel" id={"view-" + view} aria-labelledby={"tab-" + view} class="view">
      {view === "ticks" && <Ticks fleet={fleet.name} shown={shown} news={news} />}
      {view === "workers" && <Workers list={fleet.workers ?? []} />}
      {view === "signals" && <SignalsNow fleet={fleet.name} news={news} />}
    </div>
  </section>;
}

const page = 200;
const iso = (t: number) => new Date(1000 * t).toISOString();
const acted = (t: TickLine) => !/^(nothing|$)/.test(t.did) || t.blind || !!t.failed;

function Ticks({ fleet, shown, news }: { fleet: string; shown: Shown; news: number }) {
  const [list, set] = useState<TickLine[] | null>(null);
  const [trouble, say] = useState("");
  const [more, offer] = useState(false);
  const [only, pick] = useState(true);
  const [most, show] = useState(30);
  const asked = useRef(0);
  const older = useRef(false);
  const load = async (to: number, before: TickLine[]) => {
    const mine = ++asked.current;
    try {
      const got = await ask<TickLine[]>("ticks", { fleet, from: iso(shown.from), to: iso(to), limit: page });
      if (mine !== asked.current) return;
      const had = new Set(before.map((t) => t.id));
      set([...before, ...got.filter((t) => !had.has(t.id))]);
      offer(got.length >= page);
      say("");
    } catch (e) { if (mine === asked.current) say((e as Error).message); }
  };
  useEffect(() => { older.current = false; }, [fleet, shown.from, shown.to]);
  useEffect(() => {
    if (older.current) return; // what is being read must not jump
    const timer = setTimeout(() => void load(shown.live ? now() + 1 : shown.to, []), 250);
    return () => clearTimeout(timer);
  }, [fleet, Math.round(shown.from / 5), Math.round(shown.to / 5), shown.live ? news : 0]);
  if (trouble) return <p class="trouble" role="alert">The ticks cannot be read: {trouble}.</p>;
  if (!list) return <p class="hold">The ticks are being read.</p>;
  const seen = only ? list.filter(acted) : list;
  return <>
    <div class="search"><label class="check"><input type="checkbox" checked={only} onChange={(e) => pick(e.currentTarget.checked)} /> only those that did something, were blind or failed</label>
      <span class="soft" role="status">{list.length > 0 && <>{plural(seen.length, "tick")}{only && ` of ${whole(list.length)}${more ? " read" : ""}`} in the time that the charts show</>}</span></div>
    {list.length === 0 ? <p class="hold">No tick is kept of this time.</p> : seen.length === 0 ? <p class="hold">All {plural(list.length, "tick")} held: there were as many workers as were wanted.</p> :
      <div class="wide" tabIndex={0} role="region" aria-label="ticks"><table class="list ticks">
        <thead><tr><th scope="col">time</th><th scope="col">decided</th><th scope="col" class="number">have → want</th><th scope="col">did</th></tr></thead>
        <tbody>{seen.slice(0, most).map((t) => <tr key={t.id}>
          <th scope="row"><button type="button" class="link" onClick={() => go({ tick: t.id })}><At t={seconds(t.at)} /></button></th>
          <td>{t.failed ? <span class="tag bad">no decision</span> : t.headline}{t.blind && !/blind/.test(t.headline) && <span class="tag warn">blind</span>}</td>
          <td class="number">{t.failed ? "" : <><Known v={t.have} say={whole} /> → <Known v={t.want} say={whole} /></>}</td>
          <td class="why">{here(t.did)}</td></tr>)}</tbody>
      </table></div>}
    {seen.length > most ? <button type="button" class="more" onClick={() => show(most + 100)}>More ({whole(seen.length - most)} left)</button> : more && <button type="button" class="more" onClick={() => { show(most + page); older.current = true; void load((seconds(list[list.length - 1].at) ?? 0) - 0.001, list); }}>Older ones</button>}
  </>;
}

const life = ["unknown", "working", "starting", "waking", "draining", "drained", "stopping", "asleep", "leaving"];

function Workers({ list }: { list: Worker[] }) {
  const t = useNow(5);
  const [text, search] = useState("");
  const [most, show] = useState(100);
  if (list.length === 0) return <p class="hold">No worker exists. With nothing to do that is as it should be where bounds.min is 0.</p>;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const seen = list.filter((w) => words.every((x) => [w.id, w.state, w.silent && "silent", w.type, w.zone, w.version, w.spot ? "spot" : "on-demand"].join(" ").toLowerCase().includes(x)))
    .sort((a, b) => life.indexOf(a.state) - life.indexOf(b.state) || (a.id < b.id ? -1 : 1));
  const has = { type: list.some((w) => w.type), version: list.some((w) => w.version) };
  return <>
    <div class="search"><label>Search <input type="search" value={text} onInput={(e) => search(e.currentTarget.value)} placeholder="draining, spot, v1.2 …" /></label><span class="soft" role="status">{plural(seen.length, "worker")}{seen.length !== list.length && ` of ${whole(list.length)}`}</span></div>
    <div class="wide" tabIndex={0} role="region" aria-label="workers"><table class="list workers">
      <thead><tr><th scope="col">worker</th><th scope="col">state</th><th scope="col" class="number">items / slots</th>{has.type && <th scope="col">kind</th>}<th scope="col" class="number">launched</th><th scope="col" class="number">heard</th>{has.version && <th scope="col">version</th>}</tr></thead>
      <tbody>{seen.slice(0, most).map((w) => <tr key={w.id}>
        <th scope="row"><code>{w.id}</code></th>
        <td><i class={"swatch state-" + w.state} aria-hidden="true" />{w.state}{w.silent && <span class="tag warn">silent</span>}{w.drain && <> <button type="button" class="link" title={"asked by the tick " + w.drain} onClick={() => go({ tick: w.drain! })}>why</button></>}</td>
        <td class="number"><Known v={w.jobs} say={whole} /> / <Known v={w.slots} say={whole} /></td>
        {has.type && <td>{[w.type, w.zone, w.spot && "spot"].filter(Boolean).join(", ")}</td>}
        <td class="number">{past(t, w.launched) ?? <Known v={null} />}</td>
        <td class="number">{past(t, w.heard) ?? "not yet"}</td>
        {has.version && <td>{w.version || "–"}</td>}</tr>)}</tbody>
    </table></div>
    {seen.length > most && <button type="button" class="more" onClick={() => show(most + 500)}>More ({whole(seen.length - most)} left)</button>}
  </>;
}

function past(now: number, iso: string | null | undefined) {
  const t = seconds(iso);
  return t == null ? null : rough(Math.max(0, now - t)) + " ago";
}
