// Signals: every number of a tick, its age, and why one is unknown.
import { useEffect, useState } from "preact/hooks";
import { type Signal, type Signals, ask } from "./api";
import { Ago, At, Unknown, plural, rough, seconds, valued } from "./said";

/** usable says why a signal's value is no value now, "" if it is one. */
function useless(s: Signal, now: number): string {
  if (s.unknown) return s.unknown;
  const at = seconds(s.at);
  if (at != null && s.good != null && now > at + s.good / 1e9 + 0.001) return `stale: measured ${rough(now - at)} before, good for ${rough(s.good / 1e9)}`;
  return "";
}

export function SignalTable({ list, now, label }: { list: Signal[]; now: number; label: string }) {
  const [text, search] = useState("");
  const [only, pick] = useState(false);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const seen = list.map((s) => ({ s, why: useless(s, now) })).filter(({ s, why }) => (!only || why) && words.every((w) => (s.name + " " + (s.note ?? "") + " " + why).toLowerCase().includes(w)));
  const unknown = list.filter((s) => useless(s, now)).length;
  return <>
    <div class="search">
      <label>Search <input type="search" value={text} onInput={(e) => search(e.currentTarget.value)} placeholder="queue, forecast, p95 …" /></label>
      {unknown > 0 && <label class="check"><input type="checkbox" checked={only} onChange={(e) => pick(e.currentTarget.checked)} /> only the {unknown} unknown</label>}
      <span class="soft" role="status">{plural(seen.length, "signal")}{seen.length !== list.length && ` of ${list.length}`}</span>
    </div>
    {seen.length === 0 ? <p class="hold">No signal's name or note has “{text}”.</p> :
      <div class="wide" tabIndex={0} role="region" aria-label={label}><table class="list signals">
        <thead><tr><th scope="col">signal</th><th scope="col" class="number">value</th><th scope="col" class="number">age</th><th scope="col">note</th></tr></thead>
        <tbody>{seen.map(({ s, why }) => <tr key={s.name}>
          <th scope="row"><code>{s.name}</code></th>
          <td class="number">{why ? <Unknown why={why} /> : valued(s.value, s.unit ?? units.get(s.name))}</td>
          <td class="number soft">{s.unknown ? "" : rough(Math.max(0, now - (seconds(s.at) ?? now)))}</td>
          <td class="why">{why || s.note}</td></tr>)}</tbody>
      </table></div>}
  </>;
}

/** What the last tick's signals count in: journals keep no units. */
const units = new Map<string, string>();

function learn(list: Signal[]): void {
  for (const s of list) if (s.unit) units.set(s.name, s.unit);
}

/** useUnits has the units of a fleet's signals learned. */
export function useUnits(fleet: string): void {
  const [, again] = useState(0);
  useEffect(() => void ask<Signals>("signals", { fleet }).then((s) => { learn(s.signals); again(1); }, () => {}), [fleet]);
}

export function SignalsNow({ fleet, news }: { fleet: string; news: number }) {
  const [known, set] = useState<Signals | null>(null);
  const [trouble, say] = useState("");
  useEffect(() => {
    let mine = true;
    ask<Signals>("signals", { fleet }).then((s) => { if (mine) { learn(s.signals); set(s); say(""); } }, (e) => { if (mine) say(e.message); });
    return () => { mine = false; };
  }, [fleet, news]);
  if (trouble) return <p class="trouble" role="alert">The signals cannot be read: {trouble}.</p>;
  if (!known || known.fleet !== fleet) return <p class="hold">The signals are being read.</p>;
  const at = seconds(known.time);
  return <>
    {at != null && <p class="soft">As the tick of <At t={at} /> knew them, <Ago t={at} />.</p>}
    <SignalTable list={known.signals} now={at ?? 0} label="signals of the last tick" />
  </>;
}
