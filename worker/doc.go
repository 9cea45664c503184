// Package worker is the agent on each instance: it receives items from its
// queues, keeps them invisible while it works on them, has them worked on, and
// says of itself every few seconds how it is doing. It knows nothing of the
// controller: it obeys one tag of the instance it runs on, and reports by
// heartbeat.
//
//	     tag set            no item in hand,
//	                        no receive under way
//	Working ──► Draining ────────────────────► Drained
//	   ▲            │                             │
//	   └────────────┴──────── tag gone ───────────┘
//
// Two promises are kept by construction. "Drained" is never said while an item
// is in hand or a receive could still bring one: both are counted under one
// lock (gate). And only an answer counts: a metadata service that does not
// answer neither asks for a drain nor takes one back, and until it has answered
// once, no item is taken.
package worker
