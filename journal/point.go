package journal

import "time"

// Point is what a signal was over one step of time.
type Point struct {
	At              time.Time // the step's start
	Mean, Max, Last float64
	Count           int // ticks in which the signal was known
}
