package faults

type scene struct{}
type cloud struct{}
type queue struct{}
type mail struct{}
type store struct{}
type laws struct{}
type turn struct{}
type call struct{}
