// Package report writes what came of simulations as one HTML file that opens
// without a network: figures, charts over time, and the decisions with their
// reasons. A Recorder listens to a run and keeps no more than a chart can show,
// so that a year takes as much room as a day.
//
//	simulate.Run ──moments──► Recorder ─┐
//	     └────────result───────────────►├─► Write: page.html + its data
//	        clairvoyant curve, sweep ──►┘
//
// The page is built from the folder page (make page) and embedded here, so that
// Go needs neither npm nor a network.
package report

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"skynet/simulate"
)

// Report is what is shown.
type Report struct {
	Scenario string
	Seed     uint64
	Start    time.Time // of the scenario: the first moment if zero
	Notes    []string  // shown at the end
	Runs     []Run     // policies first, in the order of the table's columns
	Curves   []Curve
	Sweep    []SweepPoint
}

// Run is one policy on the scenario, or a peer of ours.
type Run struct {
	Result  simulate.Result
	Name    string    // shown; "": the result's policy
	Peer    bool      // not one of our policies
	Missed  bool      // fewer items started in time than was promised: cheap as it may be, it is not the best
	Moments *Recorder // nil: it has figures, but nothing over time
	// Ideal is the Name of the Curve that this run is compared with: what the
	// clairvoyant would have done for its objective. "": the first.
	Ideal string
}

// Curve is a schedule that is no run: the clairvoyant's, at moments in order.
type Curve struct {
	Name      string
	At        []time.Time
	Instances []float64 // billed from then on
	Seconds   []float64 // billed until then, instance-seconds
	Cost      []float64 // until then; empty without prices
}

// SweepPoint is one setting of a sweep.
type SweepPoint struct {
	Label    string
	Cost     float64
	Wait     float64 // s
	Within   float64 // share of items within the objective
	Frontier bool    // no other is better at both cost and wait
}

//go:embed page.html
var page []byte

// place is where the page holds its data.
var place = []byte("@payload@")

// Write writes the file. The same report gives the same bytes.
func Write(w io.Writer, r Report) error {
	before, after, ok := bytes.Cut(page, place)
	if !ok {
		return errors.New("report: the page has no place for data: make page")
	}
	data, err := pack(r)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for _, part := range [][]byte{before, data, after} {
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}

// pack gives the data in letters and digits alone, so that no name or reason can
// be taken for markup, and in a fifth of the room.
func pack(r Report) ([]byte, error) {
	var b bytes.Buffer
	letters := base64.NewEncoder(base64.StdEncoding, &b)
	z, err := gzip.NewWriterLevel(letters, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(z).Encode(payloadOf(r)); err != nil {
		return nil, err
	}
	if err := errors.Join(z.Close(), letters.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
