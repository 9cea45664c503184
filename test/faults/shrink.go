package faults

// Shrink drops kinds of weather that a seed's breach does not need, one at a time and
// in order, and returns the last run that still breaks the same law. Since all chance
// is drawn by kind, what is left blows as it did.
func Shrink(r Result, o Options) (Result, error) {
	before := o.Weather
	keep := r.Weather
	for _, k := range r.Weather.Kinds() {
		less := keep.Without(k)
		o.Weather = func(w Weather) Weather {
			if before != nil {
				w = before(w)
			}
			return w.Only(less.Kinds()...)
		}
		again, err := Run(r.Seed, o)
		if err != nil {
			return r, err
		}
		if again.Breach != nil && again.Breach.Law == r.Breach.Law {
			r, keep = again, less
		}
	}
	return r, nil
}
