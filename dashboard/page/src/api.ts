// What the controller answers. Unknown is null, never 0. Durations are in seconds.

export type Maybe = number | null;

export interface Status {
  version: string;
  now: string;
  interval: number;
  host: string;
  dry_run: boolean;
  standby: { holder: string; since: string | null } | null;
  changeable: boolean;
  fleets: Fleet[];
}

export interface Fleet {
  name: string;
  queues: Queue[];
  last_tick: { id: string; at: string; took: Maybe; error: string | null } | null;
  have: Maybe;
  want: Maybe;
  headline: string;
  reasons: Reason[] | null;
  states: Record<string, number> | null;
  jobs: Maybe;
  slots: Maybe;
  bounds: { min: number; max: number } | null;
  cost_hourly: Maybe;
  spent_today: Maybe;
  budget: { hourly: Maybe; daily: Maybe } | null;
  blind: boolean;
  why_blind: string | null;
  pause: Pause | null;
  floor: Floor | null;
  breaker: string | null;
  versions: Record<string, number> | null;
  workers: Worker[] | null;
  unknown?: Record<string, string>; // why a number is null, by its key
}

export interface Reason { by: string; said: string }
export interface Pause { until: string; why?: string; by?: string; since?: string | null }
export interface Floor { workers: number; until: string; why?: string; by?: string; since?: string | null }
export interface Objective { wait: Maybe; quantile: Maybe }

export interface Queue {
  name: string;
  visible: Maybe;
  in_flight: Maybe;
  delayed: Maybe;
  dead: Maybe;
  oldest_age: Maybe;
  arrived_per_minute: Maybe;
  work_seconds_mean: Maybe;
  objective: Objective | null;
  wait_p95: Maybe;
  within: Maybe; // share of the items started lately that had waited no longer
  missed?: string; // what is wrong
  unknown?: Record<string, string>;
}

export interface Worker {
  id: string;
  state: string;
  jobs: Maybe;
  slots: Maybe;
  type?: string;
  zone?: string;
  spot?: boolean;
  launched?: string | null;
  heard?: string | null;
  version?: string | null;
  drain?: string | null;
  silent?: boolean;
}

export interface History {
  from: string;
  to: string;
  step: number;
  time: number[];
  series: Record<string, Maybe[]>;
  marks: Mark[] | null;
  objective: Objective | null;
}

export interface Mark { at: string; until?: string | null; kind: string; text: string }

export interface TickLine {
  id: string;
  at: string;
  have: Maybe;
  want: Maybe;
  headline: string;
  blind: boolean;
  failed: string | null;
  did: string; // "nothing: …" where nothing was
}

/** Band is what is expected of a stretch of time. */
export interface Band { from: string; minutes: number; items_p50: number; items_p90: number; items_p99: number }

export interface Forecast {
  fleet: string;
  at: string;
  timezone: string;
  queues: {
    queue: string | null;
    unknown: string;
    note: string;
    coming: Band[] | null;
    recent: (Band & { items_came: number; beyond: string })[] | null;
  }[];
}

/** Signal is as journals have it: good is in nanoseconds. */
export interface Signal { name: string; value: number; at: string; good?: number; unknown?: string; note?: string; unit?: string }
export interface Signals { fleet: string; time: string; signals: Signal[] }

export interface Intent { id: string; kind: string; ids?: string[]; exits?: { id: string; cause: string }[]; order?: { count: number } }
export interface Outcome { intent: string; at: string; done?: string[]; failed?: string; unsent?: boolean }

/** Tick is a journal's record, as skynet explain has it. */
export interface Tick {
  snapshot: { fleet: string; now: string; workers: Worker[] | null; signals: Signal[] | null; orders?: { pause?: Pause; floor?: { want: number; until: string; by?: string; why?: string } } };
  decision: {
    id: string; fleet: string; have: number; raw: number; want: number; blind?: boolean; version?: string; failed?: string;
    recall?: string[]; wake?: string[]; launch?: number; drain?: string[]; sleep?: string[]; terminate?: { id: string; cause: string }[];
    wants?: { policy: string; want: number; because: string; abstain?: boolean; blind?: boolean }[];
    reasons?: Reason[];
  };
  intents?: Intent[];
  outcomes?: Outcome[];
  then?: string[];
}

/** Refused is an answer that says no, in the controller's words. */
export class Refused extends Error {
  constructor(readonly status: number, said: string) { super(said); }
}

const place = "skynet.token";
export const token = {
  get: () => sessionStorage.getItem(place) ?? "",
  set: (t: string) => (t ? sessionStorage.setItem(place, t) : sessionStorage.removeItem(place)),
};

export const headers = (): Record<string, string> => (token.get() ? { Authorization: "Bearer " + token.get() } : {});

async function answer<T>(r: Response): Promise<T> {
  const text = await r.text();
  let body: any = null;
  try { body = JSON.parse(text); } catch { /* said below */ }
  if (!r.ok) throw new Refused(r.status, body?.error || `the controller answers ${r.status} ${r.statusText}`);
  if (body === null && text.trim() !== "null") throw new Error("the controller's answer cannot be read");
  return body;
}

/** ask reads. What takes longer than 20 s counts as no answer. */
export async function ask<T>(what: string, query: Record<string, string | number> = {}, signal?: AbortSignal): Promise<T> {
  const q = new URLSearchParams(Object.entries(query).map(([k, v]): [string, string] => [k, String(v)])).toString();
  const limit = AbortSignal.timeout(20_000);
  return answer<T>(await fetch(`/api/v1/${what}${q && "?" + q}`, { headers: headers(), cache: "no-store", signal: signal ? AbortSignal.any([signal, limit]) : limit }));
}

/** order changes something, by the token that is given. */
export async function order(what: "pause" | "resume" | "want", body: object, by: string): Promise<unknown> {
  return answer(await fetch("/api/v1/" + what, {
    method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(20_000),
    headers: { "Content-Type": "application/json", Authorization: "Bearer " + by },
  }));
}

/** firstRecord is the one tick asked for: explain writes a list, a line each. */
export const firstRecord = (r: Tick | Tick[]): Tick | null => (Array.isArray(r) ? r[0] ?? null : r);
