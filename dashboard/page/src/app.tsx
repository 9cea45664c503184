// The page: which fleet, how it is, what was, what is in it.
import { useEffect, useRef, useState } from "preact/hooks";
import { span } from "../../../web/words";
import { type Fleet, type Status, token } from "./api";
import { Charts, type Shown, lengthOf, usePast } from "./history";
import { type Link, go, hashOf, useLink } from "./link";
import { Lists } from "./lists";
import { Minute, nearestTick } from "./minute";
import { type Model, now, start, useModel, useNow } from "./model";
import { NoTick, Now, Sign, Verdict } from "./now";
import { type Kind, Orders, Standing } from "./orders";
import { Ago, At, rough, seconds } from "./said";
import { findings, summary } from "./verdict";

export function App() {
  const model = useModel(), link = useLink();
  useEffect(() => start(), []);
  const { status } = model;
  const fleet = status ? fleetOf(status, link) : null;
  useTitle(status, fleet);
  return <>
    <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById("main")?.focus(); }}>to the content</a>
    <Header model={model} />
    {status && status.fleets.length > 1 && <Fleets status={status} chosen={fleet} link={link} />}
    <main id="main" tabIndex={-1}>
      {model.locked ? <Locked said={model.trouble} /> : !status ? <Waiting model={model} /> : <>
        <About status={status} />
        {fleet ? <One key={fleet.name} status={status} fleet={fleet} link={link} news={model.news} />
          : <p class="hold">{status.fleets.length ? <>There is no fleet {link.fleet} here, only {status.fleets.map((f, i) => <>{i > 0 && ", "}<a key={f.name} href={"#fleet=" + f.name}>{f.name}</a></>)}.</> : "The settings have no fleet yet: fleets: of skynet.yaml names them."}</p>}
      </>}
    </main>
  </>;
}

/** fleetOf is the one that the address names, be it by a tick's ID alone. */
function fleetOf(s: Status, link: Link): Fleet | null {
  if (link.fleet) return s.fleets.find((f) => f.name === link.fleet) ?? null;
  const ofTick = s.fleets.find((f) => link.tick.startsWith(f.name + "-") && /^\d{8}T/.test(link.tick.slice(f.name.length + 1)));
  return ofTick ?? s.fleets[0] ?? null;
}

function Header({ model }: { model: Model }) {
  const s = model.status;
  return <header class="top">
    <p class="name"><img src="/favicon.svg" alt="" width="24" height="24" /> <strong>SkyNet</strong>{s && <span class="soft"> {s.host}{s.version && <span class="version"> {s.version}</span>}</span>}</p>
    <Heard model={model} />
  </header>;
}

/** Heard says how old what is shown is, and whether more will come. */
function Heard({ model }: { model: Model }) {
  useNow(1);
  const old = model.heard ? (Date.now() - model.heard) / 1000 : 0;
  const lost = model.hearing === "lost";
  const said = { opening: "connecting", live: "live", asking: "live, asking now and then", lost: "connection lost" }[model.hearing];
  return <p class={"heard " + model.hearing}>
    <span role="status"><Sign level={lost ? "bad" : model.hearing === "opening" ? "none" : "good"} /> {said}</span>
    {model.heard > 0 && <span class="age">{lost ? " · numbers are " + rough(old) + " old" : <> · as of <At t={model.heard / 1000} date="never" /></>}</span>}
  </p>;
}

function About({ status }: { status: Status }) {
  return <>
    {status.standby && <p class="notice"><b>This controller stands by.</b> {status.standby.holder || "Another one"} holds the lease{status.standby.since && seconds(status.standby.since) != null && <> since <At t={seconds(status.standby.since)} /></>} and decides. What you see here is what this one has been told; orders belong there.</p>}
    {status.dry_run && <p class="notice"><b>Dry run.</b> It reads and decides for real, and does nothing to the fleet.</p>}
  </>;
}

function Fleets({ status, chosen, link }: { status: Status; chosen: Fleet | null; link: Link }) {
  return <nav class="fleets" aria-label="fleets"><ul>{status.fleets.map((f) => {
    const v = summary(f, findings(status, f));
    return <li key={f.name}><a href={hashOf({ ...link, fleet: f.name, queue: "", tick: "" })} aria-current={f === chosen ? "page" : undefined} onClick={(e) => { e.preventDefault(); go({ fleet: f.name, queue: "", tick: "" }); }}>
      <Sign level={v.level} /> <b>{f.name}</b> <span class="soft">{v.level === "good" ? "well" : v.text.slice(0, 1).toLowerCase() + v.text.slice(1)}{v.more > 0 && ` and ${v.more} more`}</span></a></li>;
  })}</ul></nav>;
}

function One({ status, fleet, link, news }: { status: Status; fleet: Fleet; link: Link; news: number }) {
  const [giving, give] = useState<Kind | null>(null);
  const [shown, setShown] = useState<Shown>(() => ({ from: now() - lengthOf(link.range), to: now(), live: true }));
  const { past, trouble } = usePast(fleet.name, link.range, news);
  const [missing, miss] = useState("");
  const choose = async (t: number, step: number) => {
    if (t > now()) return miss("That minute is still to come: nothing was decided then.");
    try {
      const id = await nearestTick(fleet.name, t, Math.max(step, 2 * status.interval, 90));
      miss(id ? "" : "No tick is kept of that time. Details are kept for two weeks unless the settings say otherwise.");
      if (id) go({ tick: id });
    } catch (e) { miss((e as Error).message); }
  };
  useEffect(() => {
    const end = now();
    setShown({ from: end - lengthOf(link.range), to: end, live: true });
  }, [link.range]);
  return <>
    <div class="head"><h1>{fleet.name}</h1>
      {!status.standby && <button type="button" onClick={() => give(fleet.pause ? "resume" : "pause")}>Pause or hold…</button>}</div>
    <Standing fleet={fleet} give={give} />
    {fleet.last_tick || fleet.queues.some((q) => q.visible != null) ? <><Verdict status={status} fleet={fleet} /><Now fleet={fleet} /></> : <NoTick status={status} fleet={fleet} />}
    <Charts fleet={fleet} queue={fleet.queues.length > 1 && fleet.queues.some((q) => q.name === link.queue) ? link.queue : ""} range={link.range} past={past} trouble={trouble} shown={setShown} chosen={choose} />
    <p class="trouble" role="status">{missing}</p>
    <Lists fleet={fleet} view={link.view} shown={shown} news={news} />
    <footer class="soft"><p>A tick every {span(status.interval)}. Last one: {fleet.last_tick && seconds(fleet.last_tick.at) != null ? <><Ago t={seconds(fleet.last_tick.at)!} />{fleet.last_tick.took != null && <>, it took {span(fleet.last_tick.took)}</>}</> : "none yet"}. The page is made with <a href="/licences.txt">Preact and uPlot</a>.</p></footer>
    {link.tick && <Minute fleet={fleet.name} id={link.tick} />}
    {giving && <Orders fleet={fleet} first={giving} changeable={status.changeable} close={() => give(null)} />}
  </>;
}

function Waiting({ model }: { model: Model }) {
  if (model.hearing !== "lost") return <p class="hold">The controller is being asked.</p>;
  return <div class="empty"><p role="alert"><b>No answer.</b> {model.trouble}.</p><p>This page asks again by itself. Is <code>skynet run</code> still at work, and is this its <code>listen</code> address?</p></div>;
}

/** Locked asks for the token where even reading needs it. */
function Locked({ said }: { said: string }) {
  const box = useRef<HTMLInputElement>(null);
  const had = token.get() !== "";
  useEffect(() => box.current?.focus(), []);
  return <form class="locked" onSubmit={(e) => { e.preventDefault(); token.set(box.current!.value.trim()); start(); }}>
    <h1>The token, please</h1>
    <p>This address can be reached by others, so reading asks for the token too. It is in the controller's token file, <code>token</code> in its state folder unless the settings say otherwise.</p>
    <label class="field">Token <input ref={box} type="password" autocomplete="off" required /></label>
    {had && <p class="trouble" role="alert">{said}</p>}
    <div class="ends"><button type="submit" class="main">Show me</button></div>
  </form>;
}

function useTitle(status: Status | null, fleet: Fleet | null): void {
  const v = status && fleet ? summary(fleet, findings(status, fleet)) : null;
  const title = v && fleet ? `${v.level === "bad" ? "■ " : v.level === "warn" ? "▲ " : ""}${fleet.name}: ${v.text} – SkyNet` : "SkyNet";
  useEffect(() => { document.title = title; }, [title]);
}
