package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"skynet/signals"
)

// signal is a catalogued signal as a metric.
type signal struct {
	*Family
	scale float64 // what the signal's value is multiplied by: Prometheus has ratios, not per cent
}

// ofFleets and ofQueues are the metrics of signals, in the catalogue's order: those of
// a fleet as a whole, and those of each of its queues.
var ofFleets, ofQueues, byName, byLeaf = catalogued()

// units are the words that a metric's name ends with.
// https://prometheus.io/docs/practices/naming/
var units = map[string]string{
	"items": "items", "instances": "instances", "s": "seconds", "items/s": "items_per_second", "B/s": "bytes_per_second",
	"0–1": "ratio", "%": "ratio", "ratio": "ratio", "σ": "sigmas",
}

func catalogued() (fleets, queues []signal, name, leaf map[string]signal) {
	name, leaf = map[string]signal{}, map[string]signal{}
	for _, k := range signals.Catalogue {
		s := signalOf(k, k.Name, "fleet")
		fleets, name[k.Name] = append(fleets, s), s
		if k.Queue {
			q := signalOf(k, strings.Replace(signals.OfQueue(k.Name, "q"), ".q.", ".", 1), "fleet queue")
			_, rest, _ := strings.Cut(signals.OfQueue(k.Name, "q"), ".q.")
			queues, leaf[rest] = append(queues, q), q
		}
	}
	return fleets, queues, name, leaf
}

// signalOf is a metric by the signal's name, its dots underscores, and its unit
// behind it unless it is there already.
func signalOf(k signals.Kind, name, labels string) signal {
	metric := "skynet_" + strings.ReplaceAll(name, ".", "_")
	if unit := units[k.Unit]; unit != "" && !strings.Contains(metric, "_"+unit) {
		metric += "_" + unit
	}
	s := signal{Family: &Family{Name: metric, Kind: gauge, Labels: strings.Fields(labels), Help: strings.ToUpper(k.Says[:1]) + k.Says[1:] + "."}, scale: 1}
	if k.Unit == "%" {
		s.scale = 0.01
	}
	s.desc = prometheus.NewDesc(s.Name, s.Help, s.Labels, nil)
	return s
}

// tell tells a fleet's signals: those that are known as they were at the tick, the
// others by name.
func (out sink) tell(s signals.Snapshot) {
	for i := range s.Signals {
		sig := &s.Signals[i]
		v, err := sig.Check(s.Now)
		if err != nil {
			out.put(signalUnknown, 1, s.Fleet, sig.Name)
			continue
		}
		if rest, ok := strings.CutPrefix(sig.Name, "queues."); ok {
			queue, leaf, _ := strings.Cut(rest, ".")
			if m, ok := byLeaf[leaf]; ok {
				out.put(m.Family, v*m.scale, s.Fleet, queue)
			}
		} else if m, ok := byName[sig.Name]; ok {
			out.put(m.Family, v*m.scale, s.Fleet)
		} else {
			out.put(userSignal, v, s.Fleet, sig.Name)
		}
	}
}
