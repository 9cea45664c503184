// One tick: all that was known, what each policy wanted, what was done, what came of it.
import { useEffect, useRef, useState } from "preact/hooks";
import { local, whole } from "../../../web/words";
import { type Intent, type Tick, type TickLine, type Worker, ask, firstRecord } from "./api";
import { go } from "./link";
import { now, useModel } from "./model";
import { Ago, At, here, plural, seconds } from "./said";
import { SignalTable, useUnits } from "./signals";

const iso = (t: number) => new Date(1000 * t).toISOString();

/** nearestTick finds the tick closest to a time, as far as within seconds from it. */
export async function nearestTick(fleet: string, t: number, within: number): Promise<string | null> {
  const list = await ask<TickLine[]>("ticks", { fleet, from: iso(t - within), to: iso(t + within), limit: 1000 });
  let best: TickLine | null = null;
  const off = (x: TickLine) => Math.abs((seconds(x.at) ?? 0) - t);
  for (const x of list) if (!best || off(x) < off(best)) best = x;
  return best?.id ?? null;
}

/** beside finds the tick before or after one. */
async function beside(fleet: string, at: number, way: -1 | 1, interval: number, not: string): Promise<string | null> {
  if (way < 0) {
    const list = await ask<TickLine[]>("ticks", { fleet, from: iso(at - 86400), to: iso(at - 0.001), limit: 2 });
    return list.find((x) => x.id !== not)?.id ?? null;
  }
  for (const reach of [5 * interval, 86400]) {
    const list = await ask<TickLine[]>("ticks", { fleet, from: iso(at + 0.001), to: iso(at + reach), limit: 1000 });
    const next = list.filter((x) => x.id !== not).pop();
    if (next) return next.id;
  }
  return null;
}

export function Minute({ fleet, id }: { fleet: string; id: string }) {
  const { status } = useModel();
  const box = useRef<HTMLDialogElement>(null);
  const [tick, set] = useState<Tick | null>(null);
  const [said, say] = useState("");
  useUnits(fleet);
  const close = () => go({ tick: "" });
  useEffect(() => {
    const d = box.current!, before = document.activeElement as HTMLElement | null;
    go({ fleet }, true); // whoever is sent the address may have another fleet in front
    d.showModal();
    return () => { d.close(); before?.isConnected && before.focus(); };
  }, []);
  useEffect(() => {
    let mine = true;
    say("");
    ask<Tick | Tick[]>("tick", { fleet, id }).then(firstRecord).then(
      (t) => { if (mine) { set(t); say(t ? "" : "nothing is kept of this tick"); } },
      (e) => { if (mine) { set(null); say(e.message); } },
    );
    return () => { mine = false; };
  }, [fleet, id]);
  const at = tick && seconds(tick.snapshot.now);
  const step = async (way: -1 | 1) => {
    if (at == null) return;
    try {
      const next = await beside(fleet, at, way, status?.interval ?? 60, id);
      if (next) go({ tick: next });
      else say(way > 0 ? "This is the last tick so far." : "No tick is kept before this one.");
    } catch (e) { say((e as Error).message); }
  };
  const key = (e: KeyboardEvent) => {
    if ((e.target as HTMLElement).closest("input, .wide") || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "ArrowLeft") void step(-1);
    if (e.key === "ArrowRight") void step(1);
  };
  return <dialog ref={box} class="drawer" aria-labelledby="minute" onCancel={(e) => { e.preventDefault(); close(); }} onKeyDown={key}
    onClick={(e) => { if (e.target === box.current) close(); }}>
    <div class="inside">
      <div class="bar">
        <h2 id="minute">{at != null ? <><At t={at} date="always" /> <small>{local.zone(at)}, {fleet}</small></> : <>One tick of {fleet}</>}</h2>
        <button type="button" aria-label="the tick before" title="the tick before (←)" onClick={() => step(-1)} disabled={at == null}>‹</button>
        <button type="button" aria-label="the next tick" title="the next tick (→)" onClick={() => step(1)} disabled={at == null}>›</button>
        <button type="button" aria-label="close" title="close (Esc)" onClick={close}>✕</button>
      </div>
      <p class="trouble" role="status" hidden={!said}>{said}</p>
      {!tick && !said && <p class="hold">The tick is being read.</p>}
      {tick && <Told tick={tick} at={at} />}
    </div>
  </dialog>;
}

function Told({ tick, at }: { tick: Tick; at: number | null }) {
  const d = tick.decision, wants = d.wants ?? [];
  const others = (d.reasons ?? []).slice(Math.min(wants.length, d.reasons?.length ?? 0));
  if (d.failed) return <>
    <p class="deed"><strong>No decision</strong></p>
    <p class="trouble">{d.failed}</p>
    <Knew tick={tick} />
  </>;
  return <>
    <p class="deed"><strong>{headline(tick)}</strong> <span class="have">have {whole(d.have)} → want {whole(d.want)}</span>{d.blind && <span class="tag warn">blind</span>}</p>
    <section><h3>What each policy wanted</h3>{wants.length === 0 ? <p class="soft">No policy was asked.</p> :
      <table class="list wants"><thead><tr><th scope="col">policy</th><th scope="col">wants</th><th scope="col">because</th></tr></thead>
        <tbody>{wants.map((w, i) => <tr key={i} class={!w.abstain && w.want === d.raw ? "won" : ""}>
          <th scope="row">{w.policy}{!w.abstain && w.want === d.raw && wants.length > 1 && <span class="tag">largest</span>}</th>
          <td class="number">{w.abstain ? "–" : (w.blind ? "at least " : "") + whole(w.want)}</td><td class="why">{here(w.because)}{w.blind && <span class="tag warn">cannot tell</span>}</td></tr>)}</tbody></table>}</section>
    <section><h3>What bounds, plan and guards made of it</h3>{others.length === 0 ? <p class="soft">Nothing was taken away or added.</p> :
      <ul class="reasons">{others.map((r, i) => <li key={i}><b>{r.by}</b> {here(r.said)}</li>)}</ul>}</section>
    <section><h3>What was done</h3>{!tick.intents?.length ? <p class="soft">Nothing.</p> :
      <ul class="reasons">{tick.intents.map((i) => <li key={i.id}><Did intent={i} tick={tick} /></li>)}</ul>}</section>
    {!!tick.then?.length && <section><h3>What came of it</h3><ul class="reasons">{tick.then.map((t) => <li key={t}>{here(t)}</li>)}</ul></section>}
    <Ordered tick={tick} />
    <Knew tick={tick} />
    <p class="soft">In a terminal: <code>skynet explain --decision {d.id}</code>{d.version && <>. The policy file's version was <code>{d.version}</code></>}{at != null && <>. It was <Ago t={at} /></>}.</p>
  </>;
}

function headline({ decision: d }: Tick): string {
  const counts: [string, number | undefined][] = [["launch", d.launch], ["wake", d.wake?.length], ["recall", d.recall?.length], ["drain", d.drain?.length], ["sleep", d.sleep?.length], ["let go", d.terminate?.length]];
  return counts.filter(([, n]) => n).map(([verb, n]) => `${verb} ${whole(n)}`).join(", ") || "hold";
}

function Did({ intent: i, tick }: { intent: Intent; tick: Tick }) {
  const size = i.order?.count ?? (i.ids?.length ?? 0) + (i.exits?.length ?? 0);
  const o = tick.outcomes?.find((o) => o.intent === i.id);
  if (!o) return <><b>{i.kind} {whole(size)}</b> the outcome is not known yet</>;
  const done = o.done ?? [];
  return <><b>{i.kind} {whole(done.length)} of {whole(size)}</b>{o.unsent ? " not sent: this is a dry run" : ""}{done.length > 0 && <span class="ids"> {done.slice(0, 12).join(", ")}{done.length > 12 && ` and ${whole(done.length - 12)} more`}</span>}
    {i.exits && i.exits.length > 0 && <span class="soft"> ({[...new Set(i.exits.map((x) => x.cause))].join(", ")})</span>}
    {o.failed && <span class="trouble"> the rest was refused: {o.failed}</span>}</>;
}

function Ordered({ tick }: { tick: Tick }) {
  const { pause, floor } = tick.snapshot.orders ?? {};
  if (!pause && !floor) return null;
  return <section><h3>Standing orders then</h3><ul class="reasons">
    {pause && <li><b>pause</b> until <At t={seconds(pause.until)} />{pause.by && `, by ${pause.by}`}{pause.why && `: ${pause.why}`}</li>}
    {floor && <li><b>floor</b> at least {plural(floor.want, "worker")} until <At t={seconds(floor.until)} />{floor.by && `, by ${floor.by}`}{floor.why && `: ${floor.why}`}</li>}
  </ul></section>;
}

function Knew({ tick }: { tick: Tick }) {
  const list = tick.snapshot.signals ?? [], workers = tick.snapshot.workers ?? [], then = seconds(tick.snapshot.now) ?? now();
  return <>
    {workers.length > 0 && <section><h3>Workers then</h3><p>{counted(workers)}</p></section>}
    <section><h3>What it knew</h3>{list.length === 0 ? <p class="soft">No signal is kept of this tick: details are kept for two weeks unless the settings say otherwise.</p> : <SignalTable list={list} now={then} label="signals of this tick" />}</section>
  </>;
}

function counted(workers: Worker[]): string {
  const by = new Map<string, number>();
  for (const w of workers) by.set(w.state, (by.get(w.state) ?? 0) + 1);
  return [...by].map(([s, n]) => `${whole(n)} ${s}`).join(", ");
}

