// Package batch is many items that were sent together: it finds what they are to
// be made of, keeps a record of them from which sending can go on after a crash,
// and learns from the store what came of each.
//
// There is no server that knows a batch. Its record lies beside the outputs, in
//
//	OUTPUTS/.batches/NAME/batch.json    the batch in a few words; of two that take a name at once one may
//	OUTPUTS/.batches/NAME/items.jsonl   each item as it is sent, one a line
//	OUTPUTS/.batches/NAME/sent.jsonl    which of the items were sent, written again after each chunk
//
// and what came of an item is what lies in its output folder: manifest.json when it
// is done, failed.json after a try that failed. So whoever may read the store can
// look at a batch, from any machine.
//
// Nothing is ever counted by adding up: each look starts from the files.
package batch

import (
	"context"
	"time"
)

// Store is where records, inputs and outputs lie. store.Stores is one.
type Store interface {
	// List visits all objects below a folder: URL, size in bytes, when it was written.
	List(ctx context.Context, folder string, visit func(url string, bytes int64, written time.Time) error) error
	// Read returns an object of at most that many bytes, fs.ErrNotExist if there is none.
	Read(ctx context.Context, url string, most int64) ([]byte, error)
	// Write makes content an object, over what may be there, whole or not at all.
	Write(ctx context.Context, url string, content []byte) error
	// Create makes content an object that must not be there: of several at once one is
	// told true.
	Create(ctx context.Context, url string, content []byte) (bool, error)
	// Check says why a URL cannot be used: nil if it lies in the store.
	Check(url string) error
}

// atOnce is how many small objects and folders are asked for side by side: enough
// to hide the way to S3 and back, few enough for any store.
const atOnce = 32
