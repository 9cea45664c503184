package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Story is a seed that is worth playing for ever: one that broke a law once, or shows
// something. It is kept as a txtar file: what happened and what was mended as its
// comment, and one file, "play".
//
//	The controller died between … and …; mended by ….
//	-- play --
//	seed: 17
//	hours: 2
//	weather: crashes spot
type Story struct {
	Comment string
	Seed    uint64
	Length  time.Duration
	Weather []Kind // those that are needed: as the seed has them, or else all there can be of them
	Wire    bool
}

// ParseStory reads a story, strictly.
func ParseStory(text []byte) (s Story, err error) {
	comment, play, found := bytes.Cut(text, []byte("-- play --\n"))
	if !found {
		return s, fmt.Errorf("has no file %q", "play")
	}
	s.Comment, s.Length = strings.TrimSpace(string(comment)), 2*time.Hour
	lines := bufio.NewScanner(bytes.NewReader(play))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if err := s.set(strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return s, fmt.Errorf("%q: %w", lines.Text(), err)
		}
	}
	if s.Seed == 0 || s.Comment == "" {
		return s, fmt.Errorf("needs a seed, and a comment that tells what happened")
	}
	return s, lines.Err()
}

func (s *Story) set(key, value string) (err error) {
	switch key {
	case "":
	case "seed":
		s.Seed, err = strconv.ParseUint(value, 10, 64)
	case "hours":
		var hours int
		hours, err = strconv.Atoi(value)
		s.Length = time.Duration(hours) * time.Hour
	case "wire":
		s.Wire, err = strconv.ParseBool(value)
	case "weather":
		for _, name := range strings.Fields(value) {
			k, known := KindOf(name)
			if !known {
				return fmt.Errorf("there is no weather %q", name)
			}
			s.Weather = append(s.Weather, k)
		}
	default:
		return fmt.Errorf("there is no key %q; there are seed, hours, weather and wire", key)
	}
	return err
}

// Run plays it.
func (s Story) Run() (Result, error) {
	return Run(s.Seed, Options{Length: s.Length, Wire: s.Wire, Weather: func(w Weather) Weather {
		return w.Only(s.Weather...).With(calmAfter(s.Length), s.Weather...)
	}})
}
