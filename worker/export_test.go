package worker

// ReadTask reads an item of ours that names its own output.
func ReadTask(body []byte) (Task, error) { return readTask(body, "") }

// Sniff tells a file's kind.
var Sniff = sniff
