// What is looked at, as the address has it: #fleet=render&range=24h&tick=ID.
import { useEffect, useState } from "preact/hooks";

export const ranges = [["1h", 3600, "1 hour"], ["6h", 6 * 3600, "6 hours"], ["24h", 86400, "24 hours"], ["7d", 7 * 86400, "7 days"], ["5w", 35 * 86400, "5 weeks"]] as const;
export const views = ["ticks", "workers", "signals"] as const;

export type Range = (typeof ranges)[number][0];
export type View = (typeof views)[number];

export interface Link { fleet: string; queue: string; range: Range; view: View; tick: string }

const usual: Link = { fleet: "", queue: "", range: "6h", view: "ticks", tick: "" };

export function linkOf(hash: string): Link {
  const q = new URLSearchParams(hash.replace(/^#/, ""));
  const range = q.get("range") as Range, view = q.get("view") as View;
  return {
    fleet: q.get("fleet") ?? "", queue: q.get("queue") ?? "", tick: q.get("tick") ?? "",
    range: ranges.some(([r]) => r === range) ? range : usual.range,
    view: views.includes(view) ? view : usual.view,
  };
}

export function hashOf(l: Link): string {
  const q = new URLSearchParams();
  for (const k of ["fleet", "queue", "range", "view", "tick"] as const) if (l[k] !== usual[k]) q.set(k, l[k]);
  return "#" + q;
}

/** go changes what is looked at. Only another fleet or tick is a step to come back from, unless it comes instead. */
export function go(change: Partial<Link>, instead = false): void {
  const now = linkOf(location.hash), next = { ...now, ...change };
  const hash = hashOf(next);
  if (hash === location.hash || (hash === "#" && !location.hash)) return;
  if (!instead && (next.fleet !== now.fleet || (next.tick !== "" && now.tick === ""))) history.pushState(null, "", hash);
  else history.replaceState(null, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useLink(): Link {
  const [link, set] = useState(() => linkOf(location.hash));
  useEffect(() => {
    const changed = () => set(linkOf(location.hash));
    addEventListener("hashchange", changed);
    addEventListener("popstate", changed);
    return () => { removeEventListener("hashchange", changed); removeEventListener("popstate", changed); };
  }, []);
  return link;
}
