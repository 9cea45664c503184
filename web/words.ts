// Numbers and times as people read them.

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number) => String(n).padStart(2, "0");
const none = "–";

type Maybe = number | null | undefined;

/** digits gives three digits, and whole numbers whole. */
export function digits(v: Maybe): string {
  if (v == null) return none;
  const size = Math.abs(v);
  const places = Number.isInteger(v) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return v.toLocaleString("en", { maximumFractionDigits: places });
}

export const whole = (v: Maybe) => (v == null ? none : v.toLocaleString("en", { maximumFractionDigits: 0 }));
export const money = (v: Maybe) => (v == null ? none : v.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 }));
/** percent says 100% of all alone: of 99.999% it says 99.99%. */
export const percent = (v: Maybe, places = 1) => (v == null ? none : (v < 1 ? Math.min(100 * v, 100 - 10 ** -places) : 100 * v).toFixed(places) + "%");

/** compact is for axes. */
export function compact(v: Maybe): string {
  if (v == null) return "";
  const size = Math.abs(v);
  if (size >= 1e6) return +(v / 1e6).toFixed(2) + "M";
  if (size >= 1e4) return +(v / 1e3).toFixed(1) + "k";
  return String(+v.toPrecision(4));
}

/** span is a length of time, from seconds. */
export function span(s: Maybe): string {
  if (s == null) return none;
  if (s < 60) return digits(s) + " s";
  const r = Math.round(s);
  if (r < 3600) return Math.floor(r / 60) + "m" + (r % 60 ? two(r % 60) + "s" : "");
  const m = Math.round(s / 60);
  if (m < 48 * 60) return Math.floor(m / 60) + "h" + (m % 60 ? two(m % 60) + "m" : "");
  return digits(s / 86400) + " d";
}

/** Times says times of some zone, from Unix seconds. */
export interface Times {
  date: (t: number) => string;
  clock: (t: number) => string;
  weekday: (t: number) => string;
  moment: (t: number) => string;
  year: (t: number) => number;
  /** zone is what the times are of, as it is written after them. */
  zone: (t: number) => string;
  /** tz is the zone's name for those who draw, "" for the reader's own. */
  tz: string;
}

/** timesOf has the zone's wall clock as so many minutes east of UTC. */
function timesOf(east: (t: number) => number, tz: string): Times {
  const wall = (t: number) => new Date((t + 60 * east(t)) * 1000);
  const clock = (t: number) => { const d = wall(t); return two(d.getUTCHours()) + ":" + two(d.getUTCMinutes()) + (d.getUTCSeconds() ? ":" + two(d.getUTCSeconds()) : ""); };
  const weekday = (t: number) => days[wall(t).getUTCDay()];
  const date = (t: number) => { const d = wall(t); return d.getUTCDate() + " " + months[d.getUTCMonth()]; };
  const zone = (t: number) => {
    const e = east(t), size = Math.abs(e);
    return e ? `UTC${e > 0 ? "+" : "−"}${Math.floor(size / 60)}${size % 60 ? ":" + two(size % 60) : ""}` : "UTC";
  };
  return { tz, zone, clock, weekday, date, year: (t) => wall(t).getUTCFullYear(), moment: (t) => `${weekday(t)} ${date(t)} ${clock(t)}` };
}

export const utc = timesOf(() => 0, "Etc/UTC");
/** local is of the reader's own zone. */
export const local = timesOf((t) => -new Date(t * 1000).getTimezoneOffset(), "");

/** short names each policy by its file without folders and the usual end, where that tells them apart. */
export function short(names: string[]): string[] {
  const cut = names.map((n) => n.replace(/^.*\//, "").replace(/(\.policy)?\.ya?ml$/, "") || n);
  return cut.map((n, i) => (cut.indexOf(n) === cut.lastIndexOf(n) ? n : names[i]));
}
