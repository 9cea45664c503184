// The data as payload.go writes it. Times are seconds since the start.

export type Series = (number | null)[];

export interface Payload {
  scenario: string;
  seed: number;
  start: number;
  notes: string[];
  runs: Run[];
  bill: Bill | null;
  sweep: { label: string; values: Series; frontier: boolean }[];
}

export interface Figures {
  items: number;
  unstarted: number;
  within_objective: number | null;
  wait: { mean: number; p50: number; p95: number; p99: number; max: number } | null;
  instance_seconds: number;
  work_seconds: number;
  efficiency: number | null;
  cost: number | null;
  launches: number;
  wakes: number;
  sleeps: number;
  terminations: number;
  interruptions: number;
  peak: number;
  forecast: { arrivals_15m: Foresight; arrivals_60m: Foresight } | null;
}

export interface Foresight {
  scored: number;
  within_p90: number;
  within_p99: number;
  loss: number;
  over_last_week: number | null;
  over_last_value: number | null;
}

export interface Result extends Figures {
  policy: string;
  clairvoyant_instance_seconds: number | null;
  ticks: number;
  fleets?: (Figures & { fleet: string })[];
}

export interface Run {
  name: string;
  peer: boolean;
  missed: boolean;
  ideal: number;
  result: Result;
  fleets: Fleet[];
}

export interface Fleet {
  name: string;
  every: number;
  at: number[];
  working: number[];
  coming: number[];
  going: number[];
  resting: number[];
  most: number[];
  ideal: Series | null;
  queues: Queue[];
  decisions: Decision[];
  changed: number;
  ticks: number;
  week: number[] | null;
}

export interface Queue {
  name: string;
  promised: number[];
  arrived: Series;
  waiting: number[];
  most: number[];
  oldest: number[];
  p95: Series;
  late: Series;
}

export interface Decision {
  at: number;
  action: string;
  have: number;
  want: number;
  blind?: boolean;
  failed?: string;
  launch?: number;
  wake?: number;
  recall?: number;
  drain?: number;
  sleep?: number;
  terminate?: number;
  reasons: [string, string][];
}

export interface Bill {
  money: boolean;
  at: number[];
  runs: (Series | null)[];
  names: string[];
  ideals: Series[];
  totals: Series;
}

/** load unpacks what the page holds. */
export async function load(): Promise<Payload> {
  const letters = document.getElementById("payload")!.textContent!.trim();
  const bytes = Uint8Array.from(atob(letters), (c) => c.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(plain).text());
}
