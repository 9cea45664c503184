// Numbers and times with their units, and what is not known.
import type { ComponentChildren } from "preact";
import { digits, local, span, whole } from "../../../web/words";
import { useNow } from "./model";

export const seconds = (iso: string | null | undefined) => {
  const t = iso ? Date.parse(iso) / 1000 : NaN;
  return Number.isFinite(t) && t > 0 ? t : null; // Go's zero time is no time
};

/** Known shows a number, or that it is unknown, and why. */
export function Known({ v, say = digits, unit = "", why }: { v: number | null | undefined; say?: (v: number) => string; unit?: string; why?: string | null }) {
  if (v == null) return <Unknown why={why} />;
  return <>{say(v)}{unit && <span class="unit"> {unit}</span>}</>;
}

export const Unknown = ({ why }: { why?: string | null }) => <span class="unknown" title={why || undefined}>unknown</span>;

/** At is a time of the reader's zone. */
export function At({ t, date = "near" }: { t: number | null; date?: "near" | "always" | "never" }) {
  if (t == null) return <Unknown />;
  const s = Math.floor(t);
  const far = date === "always" || (date === "near" && local.date(s) !== local.date(Date.now() / 1000));
  return <time dateTime={new Date(t * 1000).toISOString()} title={`${local.moment(s)} ${local.zone(s)}`}>{far ? `${local.weekday(s)} ${local.date(s)} ` : ""}{local.clock(s)}</time>;
}

/** here has the times in the controller's words, which are UTC, as times of the reader's zone. A clock alone stays one. */
export const here = (text: string) => text.replace(/\b(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC\b/g, "$1T$2Z").replace(/\b(\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (iso, date) => {
  const t = seconds(date ? iso : new Date().toISOString().slice(0, 11) + iso);
  return t == null ? iso : (!date || local.date(t) === local.date(Date.now() / 1000) ? "" : `${local.weekday(t)} ${local.date(t)} `) + local.clock(Math.floor(t));
});

/** Ago is how long a time is past. */
export function Ago({ t }: { t: number }) {
  const past = Math.max(0, useNow(1) - t);
  return <>{past < 1 ? "just now" : rough(past) + " ago"}</>;
}

/** rough is a length of time without false precision. */
export const rough = (s: number) => (s < 60 ? Math.round(s) + " s" : s < 3600 ? Math.floor(s / 60) + "m" + (s < 600 && Math.floor(s % 60) ? String(Math.floor(s % 60)).padStart(2, "0") + "s" : "") : span(60 * Math.round(s / 60)));

export const plural = (n: number, one: string, many = one + "s") => `${whole(n)} ${n === 1 ? one : many}`;

const units: Record<string, string> = { "money/h": "/ h", money: "", "items/instance": "items / instance", "0–1": "%", "0/1": "", count: "", "0–167": "", "1–7": "" };

/** valued writes a signal's value with its unit. */
export function valued(v: number, unit = ""): string {
  if (unit === "s") return Math.abs(v) < 60 ? digits(v) + " s" : span(v);
  if (unit === "0–1") return digits(100 * v) + " %";
  if (unit === "B/s") return bytes(v) + "/s";
  if (unit.startsWith("money")) return v.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: Math.abs(v) < 1 ? 4 : 2 }) + (unit === "money/h" ? " / h" : "");
  const u = units[unit] ?? unit;
  return digits(v) + (u ? " " + u : "");
}

function bytes(v: number): string {
  const i = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(Math.abs(v), 1)) / 3)));
  return digits(v / 1000 ** i) + " " + ["B", "kB", "MB", "GB", "TB"][i];
}

/** Meter is how much of something is used, with the words that say it. */
export function Meter({ share, level, label }: { share: number; level: "good" | "warn" | "bad" | "plain"; label: string }) {
  return <div class={"meter " + level} role="img" aria-label={label}><i style={{ width: Math.min(100, Math.max(0, 100 * share)) + "%" }} /></div>;
}

export const Soft = ({ children }: { children: ComponentChildren }) => <span class="soft">{children}</span>;
