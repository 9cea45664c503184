// Package ec2 is the fleet on Amazon EC2. It is the cloud of several fleets, each
// launched from a template of the user's, and the registry of their instances. It is
// thin, but EC2 has edges, and these are the ones that it is shaped by:
//
//   - An answer can be lost. Each launch is one CreateFleet call of type instant, whose
//     choices are all made beforehand (Draft) and written down by the controller. It
//     carries a client token, under which EC2 buys once, and a tag with that token,
//     which is looked for before anything is sent again. An error that leaves open what
//     was done is never passed on as a refusal, and only what EC2 has plainly refused is
//     retried by the SDK.
//   - Lists lag behind deeds, by minutes at worst. What we launched is known before it is
//     listed; what is not listed is not thought gone.
//   - Capacity is refused by type, zone and market. Refusals are remembered for minutes
//     and left out of the next order, until nothing else is left.
//   - One bad ID fails a batch of a hundred. The answer is read per ID, what is not there
//     is dropped, and what is left over is tried one by one.
//   - Calls are throttled, for the account as a whole. The SDK's adaptive retries slow
//     down, a budget a minute bounds what we send, and a batch that is throttled loses
//     nobody but itself.
//   - A start moves the launch time; when an instance was put to sleep is said in a
//     sentence; one that ended is listed for an hour.
//   - Other people's instances live in the same account. Everything is asked for by our
//     own tag, and nothing is changed that was not listed with it. Nothing at all is
//     changed before Check has seen that account and region are those of the settings.
//
// A dry run (NewReadOnly) has no client that could write.
//
// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
package ec2
