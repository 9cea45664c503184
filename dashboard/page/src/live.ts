// News as they come: the controller's stream of events, and asking now and then where
// there is none.
import { headers } from "./api";

export interface News { kind: string; data: any }

/** parse takes whole events from what has come so far, and gives what is left. */
export function parse(text: string): { events: News[]; rest: string } {
  const blocks = text.replace(/\r\n?/g, "\n").split("\n\n");
  const rest = blocks.pop()!;
  const events: News[] = [];
  for (const block of blocks) {
    let kind = "message", data = "";
    for (const line of block.split("\n")) {
      const [, field, value] = /^(event|data): ?(.*)$/.exec(line) ?? [];
      if (field === "event") kind = value;
      if (field === "data") data += value;
    }
    if (!data) continue;
    try { events.push({ kind, data: JSON.parse(data) }); } catch { /* an event that cannot be read tells nothing */ }
  }
  return { events, rest };
}

const quiet = 45_000; // the controller says something every 15 s

/**
 * listen reads the stream until it is stopped, again and again. An EventSource could not
 * send the token, which an address that others reach asks for.
 */
export function listen(heard: (n: News) => void, on: (open: boolean) => void): () => void {
  const stop = new AbortController();
  void (async () => {
    for (let wait = 1000; !stop.signal.aborted; wait = Math.min(2 * wait, 30_000)) {
      try {
        await read(stop.signal, heard, () => { wait = 1000; on(true); });
      } catch { /* tried again below */ }
      if (stop.signal.aborted) return;
      on(false);
      await new Promise((r) => setTimeout(r, wait * (0.75 + Math.random() / 2)));
    }
  })();
  return () => stop.abort();
}

async function read(stop: AbortSignal, heard: (n: News) => void, opened: () => void): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), quiet);
  try {
    const r = await fetch("/api/v1/events", { headers: { Accept: "text/event-stream", ...headers() }, cache: "no-store", signal: AbortSignal.any([stop, silence.signal]) });
    if (!r.ok || !r.body || !r.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Error("no events");
    opened();
    const from = r.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ;) {
      const { value, done } = await from.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), quiet);
      const { events, rest } = parse(text + value);
      text = rest.length > 1 << 16 ? "" : rest;
      events.forEach(heard);
    }
  } finally {
    clearTimeout(timer);
  }
}
