// What the page knows, and how well it hears.
import { useEffect, useState } from "preact/hooks";
import { Refused, type Status, ask } from "./api";
import { listen } from "./live";

export type Hearing = "opening" | "live" | "asking" | "lost";

export interface Model {
  status: Status | null;
  heard: number; // when status came, by this machine's clock, ms
  ahead: number; // how far the controller's clock is ahead of this one's, ms
  hearing: Hearing;
  trouble: string; // why nothing is heard
  locked: boolean; // reading asks for the token
  news: number; // grows with each tick and order that is heard of
}

let model: Model = { status: null, heard: 0, ahead: 0, hearing: "opening", trouble: "", locked: false, news: 0 };
const readers = new Set<() => void>();

function tell(change: Partial<Model>): void {
  model = { ...model, ...change };
  readers.forEach((f) => f());
}

export function useModel(): Model {
  const [, again] = useState(0);
  useEffect(() => {
    const f = () => again((n) => n + 1);
    readers.add(f);
    return () => void readers.delete(f);
  }, []);
  return model;
}

/** now is the time by the controller's clock, s. */
export const now = () => (Date.now() + model.ahead) / 1000;

/** useNow reads it again every so many seconds. */
export function useNow(every: number): number {
  const [t, set] = useState(now);
  useEffect(() => {
    const timer = setInterval(() => set(now()), 1000 * every);
    return () => clearInterval(timer);
  }, [every]);
  return t;
}

let open = false;
let stop = () => {};
let busy: Promise<void> | null = null;
let again = false;

/** refresh asks for the status. Who asks while it is asked for is answered by one more. */
export function refresh(): Promise<void> {
  if (busy) {
    again = true;
    return busy;
  }
  busy = once().finally(() => {
    busy = null;
    if (again) {
      again = false;
      void refresh();
    }
  });
  return busy;
}

/** whole has lists where there are none. */
const whole = (s: Status): Status => ({ ...s, fleets: (s.fleets ?? []).map((f) => ({ ...f, queues: f.queues ?? [] })) });

async function once(): Promise<void> {
  try {
    const status = whole(await ask<Status>("status"));
    const ids = (s: Status | null) => s?.fleets.map((f) => f.last_tick?.id).join();
    const news = ids(status) === ids(model.status) ? model.news : model.news + 1;
    tell({ status, heard: Date.now(), ahead: Date.parse(status.now) - Date.now() || 0, hearing: open ? "live" : "asking", trouble: "", locked: false, news });
  } catch (e) {
    if (e instanceof Refused && (e.status === 401 || e.status === 403)) tell({ locked: true, trouble: e.message });
    else tell({ hearing: "lost", trouble: e instanceof Refused ? e.message : "the controller does not answer" });
  }
}

/** start begins to listen, and to ask where nothing is heard. */
export function start(): void {
  stop();
  let timer = 0;
  const hear = () => listen(
    (n) => { if (n.kind === "tick" || n.kind === "orders") void refresh().then(() => tell({ news: model.news + 1 })); },
    (is) => { open = is; void refresh(); },
  );
  let deaf = hear();
  const poll = async () => {
    await refresh();
    // With the stream open this only catches what was missed.
    const interval = model.status?.interval ?? 5;
    timer = window.setTimeout(poll, 1000 * (open ? Math.max(15, interval) : Math.min(Math.max(interval / 2, 2), 15)));
  };
  void poll();
  // A browser has six connections to a place: tabs that nobody looks at hold none.
  const look = () => {
    deaf();
    open = false;
    if (document.hidden) return;
    deaf = hear();
    void refresh();
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("online", look);
  stop = () => { clearTimeout(timer); deaf(); document.removeEventListener("visibilitychange", look); removeEventListener("online", look); };
}
