// Package sqs is the queue that SkyNet runs on in an AWS account: Amazon SQS,
// standard and FIFO.
//
// New makes a Conn of an SDK configuration, and a Conn opens queues
// (queue.Queue) and mail (queue.Mail) by their URLs. It creates and configures
// nothing: queues and their dead-letter queues are the account's own, and Check
// says what in their settings an operator should know about.
//
// # What SQS does by itself, and what follows for us
//
//   - Every delivery is a try. SQS counts receives and nothing takes one off the
//     count: an item that was given back untouched (a drain, a Spot interruption,
//     a receive that was cancelled) has used one. Allow for that in the redrive
//     policy's maxReceiveCount.
//   - The redrive policy of the queue says after how many receives an item goes to
//     the dead-letter queue, and SQS moves it when the next receive comes across
//     it. It keeps no reason. So the holder of the last try sends the item there
//     itself, with its reason, and then deletes it; only items whose last holder
//     died are moved by SQS.
//   - A receive that is cut off may have taken an item with it, which then stays
//     invisible for its whole visibility: the answer was on its way to nobody. So
//     a cancelled Receive sees its request through and gives back what it brings.
//   - An item can be kept for 12 hours at most from its receipt. Past them it is
//     queue.ErrGone, and SQS hands it to somebody else.
//   - Whoever is late may still delete: SQS accepts an old receipt handle on a
//     standard queue, though the item may come again all the same.
//   - Counts are near the truth, and the age of the oldest item is a metric of
//     CloudWatch, not an attribute of the queue: OldestKnown is false.
package sqs
