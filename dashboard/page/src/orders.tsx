// Standing orders: what is in force, and the form that gives them.
import { useEffect, useRef, useState } from "preact/hooks";
import { span, whole } from "../../../web/words";
import { type Fleet, Refused, order, token } from "./api";
import { now, refresh, useNow } from "./model";
import { At, plural, rough, seconds } from "./said";

export type Kind = "pause" | "want" | "resume" | "release";

/** Standing shows the orders in force, with their end. */
export function Standing({ fleet, give }: { fleet: Fleet; give: (k: Kind) => void }) {
  const t = useNow(5), { pause, floor } = fleet;
  const left = (until: string) => rough(Math.max(0, (seconds(until) ?? t) - t));
  const who = (o: { by?: string; why?: string }) => [o.by && `, given by ${o.by}`, o.why && `: “${o.why}”`].filter(Boolean).join("");
  if (!pause && !floor) return null;
  return <div class="standing">
    {pause && <p class="order"><b><i class="sign" aria-hidden="true">❚❚</i> Paused</b> <span>until <At t={seconds(pause.until)} />, {left(pause.until)} left{who(pause)}. It looks and decides, and does nothing.</span> <button type="button" onClick={() => give("resume")}>Resume…</button></p>}
    {floor && <p class="order"><b><i class="sign" aria-hidden="true">▁▁</i> At least {plural(floor.workers, "worker")}</b> <span>until <At t={seconds(floor.until)} />, {left(floor.until)} left{who(floor)}.</span> <button type="button" onClick={() => give("release")}>End it…</button></p>}
  </div>;
}

const lengths = ["15m", "30m", "1h", "2h", "4h", "8h", "1d"];
const unitsOf: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 };

/** secondsOf reads 90m, 2h or 1h30m; NaN where it is no length of time. */
export function secondsOf(text: string): number {
  if (!/^(\d+(\.\d+)?[smhd])+$/.test(text.trim())) return NaN;
  return [...text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)].reduce((sum, [, n, u]) => sum + Number(n) * unitsOf[u], 0);
}

export function Orders({ fleet, first, changeable, close }: { fleet: Fleet; first: Kind; changeable: boolean; close: () => void }) {
  const box = useRef<HTMLDialogElement>(null), secret = useRef<HTMLInputElement>(null);
  const [kind, setKind] = useState<Kind>(first);
  const [length, setLength] = useState("30m");
  const [other, setOther] = useState(false);
  const [count, setCount] = useState(String(Math.max(fleet.want ?? 1, 1)));
  const [why, setWhy] = useState("");
  const [by, setBy] = useState(token.get());
  const [said, say] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const d = box.current!, before = document.activeElement as HTMLElement | null;
    d.showModal();
    return () => { d.close(); before?.isConnected && before.focus(); };
  }, []);
  const size = secondsOf(length), n = Number(count);
  const ends = kind === "resume" || kind === "release";
  const wrong = ends ? "" : !(size > 0) ? "Write a length of time, such as 45m or 2h30m." : size > 30 * 86400 ? "At most 30 days: write 30d or less."
    : kind === "want" && (!Number.isInteger(n) || n < 1) ? "Write how many workers: 1 or more." : !why.trim() ? "Say why: whoever looks next will ask." : "";
  const send = async (e: Event) => {
    e.preventDefault();
    if (wrong || !by.trim()) {
      say(wrong || "The token is missing.");
      if (!wrong) secret.current?.focus();
      return;
    }
    setBusy(true);
    try {
      await order(kind === "release" ? "want" : kind, { fleet: fleet.name, why: why.trim(), ...(!ends && { for: length.trim() }), ...(kind === "want" && { workers: n }), ...(kind === "release" && { workers: 0 }) }, by.trim());
      token.set(by.trim());
      await refresh();
      close();
    } catch (e) {
      const refused = e instanceof Refused && (e.status === 401 || e.status === 403);
      if (refused && token.get() === by.trim()) token.set("");
      say((e as Error).message);
      setBusy(false);
      if (refused) requestAnimationFrame(() => secret.current?.select());
    }
  };
  return <dialog ref={box} class="orders" aria-labelledby="orders" onCancel={(e) => { e.preventDefault(); close(); }}>
    <form onSubmit={send} noValidate>
      <div class="bar"><h2 id="orders">Orders for {fleet.name}</h2><button type="button" aria-label="close" onClick={close}>✕</button></div>
      {!changeable ? <p class="hold">This controller has no token set up, so nothing can be changed from here. In a terminal: <code>skynet pause --fleet {fleet.name} --for 30m --why …</code></p> : <>
        <fieldset class="kinds"><legend class="unseen">what</legend>
          {([["pause", "Pause"], ["want", "Keep at least"], ...(fleet.pause ? [["resume", "Resume"]] : []), ...(fleet.floor ? [["release", "End the floor"]] : [])] as [Kind, string][]).map(([k, name]) =>
            <label key={k} class={k === kind ? "on" : ""}><input type="radio" name="kind" checked={k === kind} onChange={() => { setKind(k); say(""); }} /> {name}</label>)}
        </fieldset>
        {kind === "want" && <label class="field">Workers <input type="number" min={1} max={fleet.bounds?.max} value={count} onInput={(e) => setCount(e.currentTarget.value)} required /></label>}
        {!ends && <>
          <fieldset class="field lengths"><legend>For</legend>
            {lengths.map((l) => <label key={l} class={!other && l === length ? "on" : ""}><input type="radio" name="for" checked={!other && l === length} onChange={() => { setLength(l); setOther(false); }} /> {l}</label>)}
            <label class={other ? "on" : ""}><input type="radio" name="for" checked={other} onChange={() => setOther(true)} /> other</label>
            {other && <input type="text" class="short" aria-label="length of time, such as 45m or 2h30m" value={length} onInput={(e) => setLength(e.currentTarget.value)} />}
          </fieldset>
        </>}
        <label class="field">Why{ends && " (if you like)"} <input type="text" value={why} onInput={(e) => setWhy(e.currentTarget.value)} maxLength={300} required={!ends} placeholder={ends ? "" : "kernel update by hand"} /></label>
        <label class="field">Token <input ref={secret} type="password" autocomplete="off" value={by} onInput={(e) => setBy(e.currentTarget.value)} required aria-describedby="about-token" /></label>
        <p class="soft" id="about-token">The content of the controller's token file. It stays in this tab until that is closed.</p>
        <div class="effect"><b>What will happen</b><p role="status">{effect(kind, fleet, size, n)}</p></div>
        <p class="trouble" role="alert">{said}</p>
        <div class="ends"><button type="button" onClick={close}>Cancel</button><button type="submit" class="main" disabled={busy}>{busy ? "Sending …" : { pause: "Pause", want: "Keep them", resume: "Resume", release: "End the floor" }[kind]}</button></div>
      </>}
    </form>
  </dialog>;
}

function effect(kind: Kind, f: Fleet, size: number, n: number) {
  if (kind === "resume") return <>The next tick acts again by what the policies want. Every order is journalled, with who gave it.</>;
  if (kind === "release") return <>From the next tick on nothing keeps more workers than the policies want. Idle ones are let go by the usual rules.</>;
  if (!(size > 0)) return <>Say for how long.</>;
  const until = <><At t={60 * Math.round((now() + size) / 60)} /> ({span(size)} from now)</>;
  if (kind === "pause") return <>From the next tick until {until} nothing is launched, drained or let go{f.pause ? "; this takes the place of the pause in force" : ""}. {f.have != null && <>The {plural(f.have, "worker")} there {f.have === 1 ? "is" : "are"} left as {f.have === 1 ? "it is" : "they are"}, and go on working. </>}Then it goes on by itself.</>;
  if (!Number.isInteger(n) || n < 1) return <>Say how many.</>;
  const max = f.bounds?.max, held = max != null && n > max;
  return <>Until {until} the fleet is kept at {whole(held ? max : n)} at least{held ? `: bounds.max of the policy file holds it there` : ""}{f.have != null && !held ? (n > f.have ? `; ${whole(n - f.have)} more ${n - f.have === 1 ? "is" : "are"} launched or woken` : "; there are as many already") : ""}. Policies may want more. Then it expires by itself.</>;
}
