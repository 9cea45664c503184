// Package recipe says what is to be made of an item: a named list of outputs,
// each a list of steps that reads as a table of contents.
//
//	recipes:
//	  - name: gallery
//	    match: [{prefix: "s3://uploads/photos/", suffix: [.jpg, .png]}]
//	    outputs:
//	      - name: large.jpg
//	        image:
//	          - {do: orient}
//	          - {do: resize, width: 1024, height: 1024}
//	          - {do: watermark, text: "© {owner}", position: south_east, opacity: 60%}
//	          - {do: convert, quality: 85}
//	      - name: small.jpg
//	        image: [{do: orient}, {do: resize, width: 150, height: 150}]
//
// The file is read strictly (see config/strict). The same outputs may stand in an
// item, as JSON, where each item needs its own; such an item may not run programs.
//
// The package holds words only: the makers of each medium (worker/image, worker/av,
// worker/command) do what the steps say.
package recipe

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"skynet/config/strict"
)

// File is a recipes file.
type File struct {
	Recipes []Recipe `yaml:"recipes" strict:"required" doc:"what can be made, each under a name"`
}

// Recipe is what is made of an item.
type Recipe struct {
	Name    string   `yaml:"name" strict:"required" doc:"how items ask for it"`
	Match   []Match  `yaml:"match" doc:"items that name no recipe, such as event notifications, get the first recipe that fits them"`
	Inputs  []string `yaml:"inputs" doc:"further inputs that its items give under these names, besides input itself"`
	Outputs []Output `yaml:"outputs" strict:"required" doc:"the files that are made"`
	Limits  Limits   `yaml:"limits" doc:"what one item may use"`
	Then    []Then   `yaml:"then" doc:"items sent on when all outputs are stored"`
}

// Match fits an item by its input. Everything that is given must hold.
type Match struct {
	Prefix string   `yaml:"prefix" doc:"how the input's URL begins, like s3://uploads/photos/"`
	Suffix []string `yaml:"suffix" doc:"how it ends: one of these, in any case, like .jpg"`
	Kind   Kind     `yaml:"kind" strict:"enum=photo|video|audio" doc:"what its content is, whatever its name says"`
}

// Kind is what sort of media a file is.
type Kind string

// The kinds of media.
const (
	Photo Kind = "photo"
	Video Kind = "video"
	Audio Kind = "audio"
)

// Limits are what one item may use. Zero stands for the worker's own limit, which
// none of these can raise.
type Limits struct {
	Time   strict.Duration `yaml:"time" doc:"so long it may take, downloads and uploads left out (the worker's limit)"`
	Memory Size            `yaml:"memory" doc:"so much memory each program that works on it may use (the worker's limit)"`
	Disk   Size            `yaml:"disk" doc:"so much its files may take together (the worker's limit)"`
	Pixels int             `yaml:"pixels" strict:"min=1" doc:"so many its picture may have, width times height (the worker's limit)"`
}

// Output is one file to be made, or several of one pattern, in one medium.
type Output struct {
	Name    string      `yaml:"name" strict:"required" doc:"the file, below the item's output folder: 1024.jpg, hls/index.m3u8; {name} stands for the input's name without its extension; a command's may hold *"`
	From    string      `yaml:"from" doc:"one of the inputs, or an output before this one, that it is made of (input)"`
	Image   []ImageStep `yaml:"image" doc:"steps on a picture"`
	Video   []VideoStep `yaml:"video" doc:"steps on a film"`
	Audio   []AudioStep `yaml:"audio" doc:"steps on sound"`
	Command *Command    `yaml:"command" doc:"a program of yours that makes it"`
}

// Medium is what an output is made by.
type Medium string

// The media.
const (
	ByImage   Medium = "image"
	ByVideo   Medium = "video"
	ByAudio   Medium = "audio"
	ByCommand Medium = "command"
)

// Medium is the one that the output has steps for, "" if it has none.
func (o Output) Medium() Medium {
	if all := o.media(); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (o Output) media() (all []Medium) {
	if o.Image != nil {
		all = append(all, ByImage)
	}
	if o.Video != nil {
		all = append(all, ByVideo)
	}
	if o.Audio != nil {
		all = append(all, ByAudio)
	}
	if o.Command != nil {
		all = append(all, ByCommand)
	}
	return all
}

// Then sends an item on, to be worked on by whoever serves that queue.
type Then struct {
	Queue  string   `yaml:"queue" strict:"required" doc:"name of a queue in the worker's settings, under queues or send"`
	Recipe string   `yaml:"recipe" doc:"recipe of the item that is sent (found by match)"`
	Input  string   `yaml:"input" doc:"the output that is its input (the first)"`
	Parts  []string `yaml:"parts" doc:"wait until the items of the same group have made these parts; their inputs are named after them"`
	Output string   `yaml:"output" doc:"folder for what is made of it, below the group's or this item's (that folder)"`
}

// Main is the name of an item's own input among its inputs.
const Main = "input"

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Validate checks that recipes can be told apart.
func (f *File) Validate(r *strict.Report) {
	seen := map[string]int{}
	for i, x := range f.Recipes {
		at := fmt.Sprintf("recipes[%d].name", i)
		if !r.Sound(at) {
			continue
		}
		if first, twice := seen[x.Name]; twice {
			r.Bad(at, x.Name, "is the name of recipes[%d] as well; give each its own", first)
		}
		seen[x.Name] = i
	}
}

// Validate checks a recipe's names, and that what an output is made of exists.
func (x *Recipe) Validate(r *strict.Report) {
	if r.Sound("name") && !plainName.MatchString(x.Name) {
		r.Bad("name", x.Name, "is not a name; write small letters, digits and _, beginning with a letter")
	}
	sources := []string{Main}
	for i, in := range x.Inputs {
		at := fmt.Sprintf("inputs[%d]", i)
		switch {
		case !plainName.MatchString(in):
			r.Bad(at, in, "is not a name; write small letters, digits and _, beginning with a letter")
		case slices.Contains(sources, in):
			r.Bad(at, in, "is there already; give each input its own name")
		}
		sources = append(sources, in)
	}
	checkOutputs(r, x.Outputs, sources)
	for i, t := range x.Then {
		at := fmt.Sprintf("then[%d].input", i)
		if t.Input != "" && !slices.Contains(outputNames(x.Outputs), t.Input) && r.Sound(at, "outputs") {
			r.Unknown(at, t.Input, "an output", outputNames(x.Outputs))
		}
	}
}

func outputNames(outputs []Output) (names []string) {
	for _, o := range outputs {
		names = append(names, o.Name)
	}
	return names
}

// checkOutputs wants a name of its own for each output, and a source that is made
// before it.
func checkOutputs(r *strict.Report, outputs []Output, sources []string) {
	var made []string
	for i, o := range outputs {
		at := fmt.Sprintf("outputs[%d]", i)
		if !r.Sound(at+".name", at+".from") {
			continue
		}
		if slices.Contains(made, o.Name) {
			r.Bad(at+".name", o.Name, "is made already; give each output its own name")
		}
		if from := slices.Concat(sources, made); o.From != "" && !slices.Contains(from, o.From) {
			r.Unknown(at+".from", o.From, "an input or an output before it", from)
		}
		o.checkUses(r, at, slices.Concat(sources, made))
		made = append(made, o.Name)
	}
}

// reserved are names that are written beside the outputs.
var reserved = []string{ManifestName, FailedName}

// Validate checks an output's name and that it has steps of one medium.
func (o *Output) Validate(r *strict.Report) {
	if r.Sound("name") {
		if why := badName(o.Name, o.Command != nil); why != "" {
			r.Bad("name", o.Name, "%s", why)
		}
	}
	o.checkImage(r)
	o.checkAV(r)
	all := o.media()
	switch {
	case len(all) == 0 && r.Sound("image", "video", "audio", "command"):
		r.Bad("", nil, "has nothing that makes it; give image, video, audio or command")
	case len(all) > 1:
		r.Bad(string(all[1]), nil, "cannot stand beside %s; make two outputs, one from the other", all[0])
	}
}

// mostName is in bytes: Linux's file systems take 255 (NAME_MAX), of which temporary
// names of files in the making need some.
const mostName = 200

// badName says why a name cannot be an output's, "" if it can.
func badName(name string, pattern bool) string {
	switch {
	case path.Clean(name) != name || path.IsAbs(name) || name == "." || strings.HasPrefix(name, ".."):
		return "is not a path below the output folder; write it like small.jpg or hls/index.m3u8"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }):
		return "holds characters that names of files should not; use letters, digits, -, _ and ."
	case slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return len(part) > mostName }):
		return fmt.Sprintf("is too long; write at most %d bytes between slashes", mostName)
	case Reserved(name):
		return "is written by the worker itself; choose another name"
	case strings.ContainsAny(name, "*?[") && !pattern:
		return "is a pattern, which only a command's output may be; write the name of one file"
	case path.Ext(name) == "" && !pattern:
		return "has no extension, which tells the format; write it like small.jpg"
	}
	return ""
}
