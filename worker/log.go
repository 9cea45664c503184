package worker

// Log keys. Constants, so that a line can be found by them tomorrow.
const (
	keyWorker      = "worker"
	keyQueue       = "queue"
	keyItem        = "item"
	keySeconds     = "seconds"
	keyOutputs     = "outputs"
	keyReason      = "reason"
	keyTries       = "tries"
	keyDrain       = "drain"
	keyJobs        = "jobs"
	keyInterrupted = "interrupted"
	keyStopping    = "stopping"
)
