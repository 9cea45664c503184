package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"skynet/config/strict"
)

// Prefixes of environment variables.
const (
	prefix       = "SKYNET_"
	workerPrefix = "SKYNET_WORKER_"
)

// Load reads the daemon's settings: the file, over it SKYNET_… variables
// (limits.hourly is SKYNET_LIMITS_HOURLY), over both the flags that were given
// (--limits-hourly). An empty file name is no file; flags may be nil.
func Load(file string, flags *pflag.FlagSet) (Config, error) {
	c, err := load[Config](file, flags, prefix)
	for _, path := range []*string{&c.Access.TokenFile, &c.Access.Certificate, &c.Access.Key} {
		*path = beside(file, *path)
	}
	for i, f := range c.Fleets {
		c.Fleets[i].Policy = beside(file, f.Policy)
		if f.Local != nil {
			f.Local.Worker = beside(file, f.Local.Worker)
			f.Local.Making.beside(file)
		}
	}
	for _, s := range c.Signals {
		if s.Prometheus != nil {
			s.Prometheus.TokenFile = beside(file, s.Prometheus.TokenFile)
		}
		if s.HTTPJSON != nil {
			s.HTTPJSON.TokenFile = beside(file, s.HTTPJSON.TokenFile)
		}
	}
	for i, n := range c.Notify {
		c.Notify[i].TokenFile = beside(file, n.TokenFile)
	}
	return c, err
}

// LoadWorker reads the agent's settings in the same way; its variables begin
// with SKYNET_WORKER_.
func LoadWorker(file string, flags *pflag.FlagSet) (Worker, error) {
	w, err := load[Worker](file, flags, workerPrefix)
	w.Making.beside(file)
	return w, err
}

// AddFlags adds a flag for each single setting of T, for Load or LoadWorker to read.
func AddFlags[T Config | Worker](flags *pflag.FlagSet) {
	for _, k := range strict.Keys[T]() {
		if k.Kind == reflect.Slice || flags.Lookup(flagOf(k.Path)) != nil {
			continue
		}
		flags.String(flagOf(k.Path), "", k.Doc)
		if k.Kind == reflect.Bool {
			flags.Lookup(flagOf(k.Path)).NoOptDefVal = "true"
		}
	}
}

func load[T any](file string, flags *pflag.FlagSet, prefix string) (value T, err error) {
	data := []byte("{}")
	if file != "" {
		if data, err = os.ReadFile(file); err != nil {
			return value, fmt.Errorf("read settings: %w", err)
		}
	}
	keys := strict.Keys[T]()
	options, err := overrides(keys, flags, prefix)
	if err != nil {
		return value, err
	}
	options = append(options, strangers(keys, prefix)...)
	return strict.Read[T](cmp.Or(file, "settings"), data, options...)
}

// overrides asks viper which of environment and flags has the last word on
// each key. The file does not pass through viper, which forgets lines and folds
// the case of keys.
func overrides(keys []strict.Key, flags *pflag.FlagSet, prefix string) ([]strict.Option, error) {
	v := viper.New()
	var options []strict.Option
	for _, k := range keys {
		source := envOf(prefix, k.Path)
		if err := v.BindEnv(k.Path, source); err != nil {
			return nil, fmt.Errorf("read %s: %w", source, err)
		}
		if f := lookup(flags, flagOf(k.Path)); f != nil {
			if err := v.BindPFlag(k.Path, f); err != nil {
				return nil, fmt.Errorf("read --%s: %w", f.Name, err)
			}
			if f.Changed {
				source = "--" + f.Name
			}
		}
		if v.IsSet(k.Path) {
			options = append(options, strict.Override(k.Path, source, v.GetString(k.Path)))
		}
	}
	return options, nil
}

func lookup(flags *pflag.FlagSet, name string) *pflag.Flag {
	if flags == nil {
		return nil
	}
	return flags.Lookup(name)
}

// strangers are environment variables that look like misspelt settings. Others
// with our prefix are left alone: Kubernetes sets SKYNET_PORT where a service
// is called skynet.
func strangers(keys []strict.Key, prefix string) (found []strict.Option) {
	known := make([]string, len(keys))
	for i, k := range keys {
		known[i] = strings.TrimPrefix(envOf(prefix, k.Path), prefix)
	}
	for _, assignment := range os.Environ() {
		name, _, _ := strings.Cut(assignment, "=")
		word, ours := strings.CutPrefix(name, prefix)
		if !ours || slices.Contains(known, word) {
			continue
		}
		if near := strict.Nearest(word, known); near != "" {
			found = append(found, strict.Found(strict.Problem{
				Source: name, Said: fmt.Sprintf("no such setting; did you mean %s%s?", prefix, near),
			}))
		}
	}
	return found
}

func envOf(prefix, path string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

func flagOf(path string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(path) }

// beside has the paths start at the file's folder.
func (m *Making) beside(file string) {
	m.Recipes, m.Database.URLFile = beside(file, m.Recipes), beside(file, m.Database.URLFile)
}

// beside is where a path in a file leads: relative ones start at the file's folder.
func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}
