package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"skynet/config"
)

// TestListen holds what may be served where to a table.
func TestListen(t *testing.T) {
	const protected = "access: {certificate: c.pem, key: k.pem, token_file: /run/token}\n"
	for _, c := range []struct {
		listen, access string
		good, served   bool
	}{
		{"127.0.0.1:9464", "", true, true},
		{"127.8.9.10:0", "", true, true},
		{"localhost:9464", "", true, true},
		{"'[::1]:9464'", "", true, true},
		{"'[::ffff:127.0.0.1]:9464'", "", true, true},
		{"off", "", true, false},
		{"''", "", true, false},
		{"':9464'", "", false, true},
		{"':9464'", protected, true, true},
		{"0.0.0.0:9464", "", false, true},
		{"10.1.2.3:9464", protected, true, true},
		{"skynet.example.com:9464", "", false, true},
		{"localhost.example.com:9464", "", false, true},
		{"127.0.0.1:65536", "", false, true},
		{"127.0.0.1", "", false, true},
		{"unix:/run/skynet.sock", "", false, true},
	} {
		t.Run(c.listen+c.access, func(t *testing.T) {
			shortest, err := os.ReadFile("testdata/shortest.yaml")
			if err != nil {
				t.Fatal(err)
			}
			folder := t.TempDir()
			file := filepath.Join(folder, "skynet.yaml")
			for name, text := range map[string]string{file: "listen: " + c.listen + "\n" + c.access + string(shortest), filepath.Join(folder, "render.policy.yaml"): "bounds: {max: 1}\n"} {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := config.Load(file, nil)
			if (err == nil) != c.good {
				t.Fatalf("good is %v, want %v: %v", err == nil, c.good, err)
			}
			if c.good && got.Served() != c.served {
				t.Errorf("served is %v", got.Served())
			}
			if c.good && c.access != "" && (got.Access.Certificate != filepath.Join(folder, "c.pem") || got.Access.TokenFile != "/run/token") {
				t.Errorf("paths: %+v", got.Access)
			}
		})
	}
}
