// The fleet as it is: what it promises, what it decided, who works, what it costs.
import { money, percent, span, whole } from "../../../web/words";
import type { Fleet, Queue, Status } from "./api";
import { go } from "./link";
import { Ago, At, Known, Meter, here, rough, seconds } from "./said";
import { type Finding, findings, share, summary } from "./verdict";

const signs: Record<string, string> = { good: "●", note: "●", warn: "▲", bad: "■", none: "○" };

export const Sign = ({ level }: { level: string }) => <i class={"sign " + level} aria-hidden="true">{signs[level]}</i>;

/** Verdict says in one line how it is, and then what is wrong. */
export function Verdict({ status, fleet }: { status: Status; fleet: Fleet }) {
  const found = findings(status, fleet), v = summary(fleet, found);
  return <div class={"verdict " + v.level}>
    <p class="said" role="status"><Sign level={v.level} /> {v.text}</p>
    {found[0]?.title === v.text && <p>{here(found[0].text)}</p>}
    <ul class="findings">{found.filter((x) => x.title !== v.text).map((x) => <One key={x.kind + x.title} x={x} />)}</ul>
  </div>;
}

const One = ({ x }: { x: Finding }) => <li class={x.level}><b>{x.title}</b> <span>{here(x.text)}</span></li>;

/** NoTick says what to expect before there is anything to see. */
export function NoTick({ status, fleet }: { status: Status; fleet: Fleet }) {
  return <div class="empty">
    <p><b>No tick of {fleet.name} yet.</b></p>
    {status.standby ? <p>This controller stands by. It ticks when it takes the lease over from {status.standby.holder}.</p>
      : <p>One is due every {span(status.interval)}. At its first the controller reads queues and instances, decides, and writes down why; then this page fills. If nothing comes within {rough(3 * status.interval)}, see skynet's log.</p>}
  </div>;
}

export function Now({ fleet }: { fleet: Fleet }) {
  return <div class={fleet.queues.length > 1 ? "tiles many" : "tiles"}><Promise_ fleet={fleet} /><Decision fleet={fleet} /><Workers fleet={fleet} /><Cost fleet={fleet} /></div>;
}

function Promise_({ fleet }: { fleet: Fleet }) {
  const many = fleet.queues.length > 1, q = fleet.queues[0];
  return <section class="tile promise" aria-labelledby="promise"><h2 id="promise">The promise</h2>
    {!q ? <p class="hold">This fleet has no queue.</p> : many ? <Queues list={fleet.queues} /> : <Single q={q} />}</section>;
}

function Single({ q }: { q: Queue }) {
  return <>
    {q.visible === 0 && !q.oldest_age ? <p class="big">0 s <small>nothing waits in {q.name}</small></p>
      : <p class="big"><Known v={q.oldest_age} say={span} why={q.unknown?.oldest_age} /> <small>the oldest item of {q.name} waits</small></p>}
    <Against q={q} />
    <dl>
      <dt>waiting</dt><dd><Known v={q.visible} say={whole} why={q.unknown?.visible} /></dd>
      <dt>in work</dt><dd><Known v={q.in_flight} say={whole} why={q.unknown?.in_flight} /></dd>
      <dt>arriving</dt><dd><Known v={q.arrived_per_minute} unit="a minute" why={q.unknown?.arrived_per_minute} /></dd>
      <dt>one takes</dt><dd><Known v={q.work_seconds_mean} say={span} why={q.unknown?.work_seconds_mean} /></dd>
      <dt>wait p95</dt><dd><Known v={q.wait_p95} say={span} why={q.unknown?.wait_p95} /></dd>
      {!!q.delayed && <><dt>delayed</dt><dd>{whole(q.delayed)}</dd></>}
      {!!q.dead && <><dt>dead letters</dt><dd class="warn">{whole(q.dead)}</dd></>}
    </dl>
    <Whys of={[q.unknown]} />
  </>;
}

/** Whys says why numbers are unknown: a dotted line tells nobody who has no mouse. */
function Whys({ of }: { of: (Record<string, string> | undefined)[] }) {
  const list = [...new Set(of.flatMap((x) => Object.values(x ?? {})))];
  if (!list.length) return null;
  return <details class="whys"><summary>why unknown</summary><ul>{list.map((w) => <li key={w}>{w}</li>)}</ul></details>;
}


function Against({ q }: { q: Queue }) {
  const wait = q.objective?.wait, part = q.objective?.quantile;
  if (wait == null) return <p class="soft">Nothing is promised: the policy file has no objective.</p>;
  const used = q.oldest_age == null ? null : q.oldest_age / wait;
  const said = `${part == null ? "all" : share(part)} start within ${span(wait)}`;
  return <>
    {used != null && <Meter share={used} level={used > 1 ? "bad" : used > 0.75 ? "warn" : "good"} label={`the oldest item has used ${percent(used, 0)} of the promised wait`} />}
    <p class="soft">Promised: {said}.{q.within != null && <> {share(q.within)} of those started lately did.</>}</p>
  </>;
}

function Queues({ list }: { list: Queue[] }) {
  return <div class="wide" tabIndex={0} role="region" aria-label="queues"><table class="list plain queues">
    <thead><tr><th scope="col">queue</th><th scope="col" class="number">oldest</th><th scope="col" class="number">promised</th><th scope="col" class="number">waiting</th><th scope="col" class="number">in work</th><th scope="col" class="number">a minute</th><th scope="col" class="number">one takes</th><th scope="col" class="number">wait p95</th><th scope="col" class="number">kept lately</th></tr></thead>
    <tbody>{list.map((q) => {
      const wait = q.objective?.wait, late = wait != null && q.oldest_age != null && q.oldest_age > wait;
      return <tr key={q.name}><th scope="row">{q.name}{!!q.dead && <span class="tag warn">{whole(q.dead)} dead</span>}</th>
        <td class={"number" + (late ? " bad" : "")}>{late && <Sign level="bad" />}<Known v={q.oldest_age} say={span} /></td><td class="number soft">{wait == null ? "–" : (q.objective?.quantile == null ? "" : share(q.objective.quantile) + " in ") + span(wait)}</td>
        <td class="number"><Known v={q.visible} say={whole} /></td><td class="number"><Known v={q.in_flight} say={whole} /></td><td class="number"><Known v={q.arrived_per_minute} /></td>
        <td class="number"><Known v={q.work_seconds_mean} say={span} /></td><td class="number"><Known v={q.wait_p95} say={span} /></td><td class="number">{wait == null ? "–" : <Known v={q.within} say={share} />}</td></tr>;
    })}</tbody>
  </table><Whys of={list.map((q) => q.unknown)} /></div>;
}

function Decision({ fleet }: { fleet: Fleet }) {
  const t = fleet.last_tick, at = t && seconds(t.at), reasons = fleet.reasons ?? [];
  return <section class="tile decision" aria-labelledby="decision"><h2 id="decision">Decided last {at != null && <small><At t={at} />, <Ago t={at} /></small>}</h2>
    {t?.error ? <p class="big"><span>no decision</span></p> : <p class="big">{fleet.headline || "hold"} <small>have <Known v={fleet.have} say={whole} /> → want <Known v={fleet.want} say={whole} /></small></p>}
    {t?.error && <p class="trouble">{t.error}</p>}
    <ul class="reasons">{reasons.slice(0, 4).map((r, i) => <li key={i}><b>{r.by}</b> {here(r.said)}</li>)}</ul>
    {t && <p><button type="button" class="link" onClick={() => go({ tick: t.id })}>everything it knew and weighed</button></p>}
  </section>;
}

const states: [string, string][] = [["working", "working"], ["starting", "starting"], ["waking", "waking"], ["draining", "draining"], ["drained", "drained"], ["stopping", "falling asleep"], ["asleep", "asleep"], ["leaving", "leaving"], ["unknown", "state unknown"]];

function Workers({ fleet }: { fleet: Fleet }) {
  const by = fleet.states, total = by ? Object.values(by).reduce((a, b) => a + b, 0) : null;
  const there = by ? states.filter(([s]) => by[s]) : [];
  return <section class="tile workers" aria-labelledby="workers"><h2 id="workers">The fleet</h2>
    <p class="big"><Known v={by ? fleet.have : null} say={whole} /> <small>{fleet.have === 1 ? "worker" : "workers"} serving or starting{fleet.bounds && <>; between {whole(fleet.bounds.min)} and {whole(fleet.bounds.max)}</>}</small></p>
    {total ? <div class="stack" role="img" aria-label={there.map(([s, name]) => `${by![s]} ${name}`).join(", ")}>{there.map(([s]) => <i key={s} class={"state-" + s} style={{ flexGrow: by![s] }} />)}</div> : null}
    {by && total === 0 && <p class="soft">None exists now.</p>}
    <dl>{there.map(([s, name]) => <><dt><i class={"swatch state-" + s} aria-hidden="true" />{name}</dt><dd>{whole(by![s])}</dd></>)}
      <dt>slots at work</dt><dd><Known v={fleet.jobs} say={whole} /> of <Known v={fleet.slots} say={whole} /></dd></dl>
    <Whys of={[pick(fleet.unknown, "have", "jobs", "slots")]} />
  </section>;
}

const pick = (all: Record<string, string> | undefined, ...keys: string[]) => Object.fromEntries(keys.flatMap((k) => (all?.[k] ? [[k, all[k]]] : [])));

function Cost({ fleet }: { fleet: Fleet }) {
  const { daily, hourly } = fleet.budget ?? {};
  return <section class="tile cost" aria-labelledby="cost"><h2 id="cost">Cost <small>by the settings' prices</small></h2>
    <p class="big"><Known v={fleet.cost_hourly} say={money} why={fleet.unknown?.cost_hourly} /> <small>an hour{hourly ? `, of ${money(hourly)}` : ""}</small></p>
    {daily && fleet.spent_today != null ? <Meter share={fleet.spent_today / daily} level={fleet.spent_today >= daily ? "bad" : fleet.spent_today >= 0.8 * daily ? "warn" : "plain"} label={`${percent(fleet.spent_today / daily, 0)} of today's budget is spent`} /> : null}
    <dl><dt>today</dt><dd><Known v={fleet.spent_today} say={money} why={fleet.unknown?.spent_today} />{daily ? <> of {money(daily)}</> : ""}</dd>
      {!daily && !hourly && <><dt>budget</dt><dd class="soft">none set</dd></>}
          </dl>
    {fleet.cost_hourly == null && fleet.spent_today == null && <p class="soft">{fleet.unknown?.cost_hourly?.replace(/^unknown: /, "") || "no price is known"}: <code>prices:</code> of the settings says what an instance costs.</p>}
  </section>;
}

