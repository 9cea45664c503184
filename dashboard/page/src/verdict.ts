// What a person should know of a fleet, worst first. Pure.
import type { Fleet, Queue, Status } from "./api";
import { money, percent, span, whole } from "../../../web/words";
import { plural, rough, seconds } from "./said";

export type Level = "bad" | "warn" | "note";
export interface Finding { level: Level; title: string; text: string; kind: string }

const rank: Record<Level, number> = { bad: 0, warn: 1, note: 2 };
/** near is the share of a budget from which on it is told. */
const near = 0.8;

/** findings are of the time of the status: a page that hears nothing says so elsewhere. */
export function findings(s: Status, f: Fleet): Finding[] {
  const now = seconds(s.now) ?? 0;
  const found: Finding[] = [];
  const add = (level: Level, kind: string, title: string, text: string) => found.push({ level, kind, title, text });
  ticks(s, f, now, add);
  f.queues.forEach((q) => promise(q, add));
  if (f.breaker) add("bad", "breaker", "The breaker is open", sentence(f.breaker));
  if (f.blind) add("warn", "blind", "It is blind", sentence(f.why_blind || "a signal that a policy needs is unknown") + " While it is blind it may buy, but lets nobody go.");
  budget(f, add);
  bounds(f, add);
  for (const q of f.queues) if (q.dead) add("warn", "dead", `${plural(q.dead, "dead letter")} in ${q.name}`, `Items that failed every try lie in the dead-letter queue with their reasons: skynet dead list ${q.name}. Once what they died of is mended, skynet dead again sends them once more.`);
  if (Object.keys(f.versions ?? {}).length > 1) add("note", "versions", "Workers are of several versions", Object.entries(f.versions!).map(([v, n]) => `${v || "no version"}: ${whole(n)}`).join(", ") + ".");
  return found.sort((a, b) => rank[a.level] - rank[b.level]);
}

/** sentence begins with a capital, unless with a name such as queue.visible. */
const sentence = (text: string) => (/^\S+[._]\S/.test(text) ? text : text.slice(0, 1).toUpperCase() + text.slice(1)) + (/[.!?]$/.test(text) ? "" : ".");

/** share is a percentage with a digit behind the point only where it says something. */
export const share = (v: number) => percent(v).replace(".0%", "%");

type Add = (level: Level, kind: string, title: string, text: string) => void;

function ticks(s: Status, f: Fleet, now: number, add: Add): void {
  const t = f.last_tick, at = t && seconds(t.at);
  if (!t || at == null || s.standby) return;
  if (t.error) add("bad", "failed", "The last tick came to no decision", t.error);
  const past = now - at;
  if (past > 3 * s.interval + 5) add("bad", "overdue", `No tick for ${rough(past)}`, `One is due every ${span(s.interval)}. See skynet's log; the fleet goes on as it is meanwhile.`);
}

function promise(q: Queue, add: Add): void {
  const { wait, quantile } = q.objective ?? {};
  if (wait == null) return;
  // What is missed the controller says itself, as it does to metrics and notifications.
  if (q.missed) add("bad", "missed", `${q.name} misses its objective`, sentence(q.missed));
  else if (q.oldest_age != null && q.oldest_age > wait) add("warn", "late", `An item of ${q.name} waits longer than promised`, `The oldest has waited ${span(q.oldest_age)}; promised are ${span(wait)}${quantile == null || quantile >= 1 ? "" : ` to ${share(quantile)} of all`}.`);
}

function budget(f: Fleet, add: Add): void {
  const { daily, hourly } = f.budget ?? {};
  const held = f.reasons?.find((r) => r.by === "budget" && / instead of /.test(r.said));
  if (held) add("bad", "budget", "The budget holds the fleet back", sentence(held.said));
  else if (daily && f.spent_today != null) {
    if (f.spent_today >= daily) add("bad", "budget", "Today's budget is spent", `${money(f.spent_today)} of ${money(daily)}: the fleet is held at its minimum until midnight.`);
    else if (f.spent_today >= near * daily) add("warn", "budget", "Today's budget is nearly spent", `${money(f.spent_today)} of ${money(daily)}.`);
  }
  if (!held && hourly && f.cost_hourly != null && f.cost_hourly >= hourly) add("warn", "budget", "The hourly budget is reached", `${money(f.cost_hourly)} of ${money(hourly)} an hour.`);
}

function bounds(f: Fleet, add: Add): void {
  const late = f.queues.some((q) => q.objective?.wait != null && q.oldest_age != null && q.oldest_age > q.objective.wait / 2);
  if (f.bounds && f.want != null && f.want >= f.bounds.max && f.bounds.max > 0 && late) add("warn", "maximum", "The fleet is at its maximum", `${plural(f.bounds.max, "worker")}, and items wait. bounds.max of the policy file holds it there.`);
}

/** summary is the verdict in one sentence, and how many findings besides ask for a look. */
export function summary(f: Fleet, found: Finding[]): { level: Level | "good" | "none"; text: string; more: number } {
  const said = (level: Level | "good" | "none", text: string) => ({ level, text, more: 0 });
  if (!f.last_tick) return said("none", "No tick yet");
  const worst = found[0];
  if (worst && worst.level !== "note") return { level: worst.level, text: worst.title, more: found.filter((x) => x.level !== "note").length - 1 };
  if (f.pause) return said("warn", "Paused");
  const promised = f.queues.filter((q) => q.objective?.wait != null);
  if (promised.some((q) => q.oldest_age == null)) return said("note", "Nothing wrong is known; how long items wait is unknown");
  return said("good", promised.length ? "All is well: no item waits longer than promised" : "All is well");
}
