package suite

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseValues reads a series in promtool's notation: "1 2 3", "0x3" for 0 0 0 0,
// "1+2x3" for 1 3 5 7, "10-2x3" for 10 8 6 4, "_" for unknown and "_x3" for three
// of them.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
func parseValues(text string) (points []*float64, err error) {
	for _, word := range strings.Fields(text) {
		some, err := parseWord(word)
		if err != nil {
			return nil, fmt.Errorf("has %q, %w", word, err)
		}
		if points = append(points, some...); len(points) > most {
			return nil, fmt.Errorf("has more than %d values; the last one holds on, so fewer will do", most)
		}
	}
	return points, nil
}

func parseWord(word string) ([]*float64, error) {
	head, count, repeated := strings.Cut(word, "x")
	n, err := strconv.Atoi(count)
	if repeated && (err != nil || n < 0 || n > most) {
		return nil, fmt.Errorf("which does not say how often; write a number from 0 to %d after the x", most)
	}
	if head == "_" {
		return make([]*float64, max(1, n)), nil
	}
	first, step, err := parseHead(head)
	if err != nil {
		return nil, err
	}
	points := make([]*float64, n+1)
	for i := range points {
		v := first + step*float64(i)
		points[i] = &v
	}
	return points, nil
}

// parseHead reads "5", "5+2" or "5-2".
func parseHead(head string) (first, step float64, err error) {
	at := strings.LastIndexAny(head, "+-")
	if at > 0 && strings.ContainsRune("eE", rune(head[at-1])) { // an exponent's sign
		at = strings.LastIndexAny(head[:at], "+-")
	}
	if at > 0 {
		if step, err = number(head[at:]); err != nil {
			return 0, 0, err
		}
		head = head[:at]
	}
	first, err = number(head)
	return first, step, err
}

func number(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, errors.New("which is not a value; write 5, 5x3, 5+2x3 or _")
	}
	return v, nil
}

// at is the value at a tick; the last one holds on.
func (s Series) at(tick int) *float64 {
	if len(s.points) == 0 {
		return nil
	}
	return s.points[min(tick, len(s.points)-1)]
}
