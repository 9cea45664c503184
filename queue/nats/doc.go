// Package nats is the queue that SkyNet runs on when it has one machine: NATS
// JetStream, embedded in the controller's process, or a NATS server elsewhere.
//
// Start runs the embedded server, Dial connects to it or to a remote one, and
// a Conn opens queues (queue.Queue) and mail (queue.Mail). Workers ride out the
// death of the process that holds the server: port and token are kept on disk,
// connections come back by themselves, and every call goes on working without
// being opened again.
//
// # How an item is kept
//
// Each queue is a stream with work-queue retention on file storage, and one
// durable pull consumer shared by all workers. JetStream redelivers what is not
// acknowledged within the visibility, and the rest of what SQS does is ours:
//
//   - Giving up. JetStream's own MaxDeliver leaves an item in neither count,
//     neither delivered nor listed. So deliveries are unlimited, and an item that
//     comes once too often is published to a dead-letter stream and then
//     terminated.
//   - Counting. JetStream keeps an item that ran out of time in NumAckPending
//     until somebody pulls. When the last worker dies, that is for ever: nothing
//     would seem to wait, and a fleet with a minimum of 0 would never come back.
//     So every holder keeps a claim in a ledger of its own (see ledger), which
//     expires by itself at the server, by the server's clock, with nobody
//     looking.
//   - Saying "gone". JetStream accepts the acknowledgement of a holder whose
//     time ran out long ago. The ledger knows who holds an item now.
package nats
