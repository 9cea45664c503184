package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/config"
)

// TestNoMessageShowsASecret: settings with a mistake on the very line that holds a
// secret, where it should be and where it should not.
func TestNoMessageShowsASecret(t *testing.T) {
	const canary = "canary7f3a9c"
	for _, line := range []string{
		`heartbeats: "nats://user:CANARY@h:4222/beats"`,
		`heartbeats: "nats://CANARY@h:4222/beats"`,
		`heartbeats: "nats://user:ca%nary CANARY@h/beats"`,
		`heartbeats: "https://sqs.eu-west-1.amazonaws.com/123456789012/x?token=CANARY"`,
		`queues: [{name: a, url: "nats://u:CANARY@h:4222/a"}, {name: b, url: "nats://u:CANARY@h:4222/a"}]`,
		`queues: [{name: a, url: "nats://h:4222/a?password=CANARY"}]`,
		`queues: [{name: a, url: ["nats://h:4222/CANARY"]}]`,
		`lease: "s3://u:CANARY@bucket/key"`,
		`lease: "s3://bucket/key?x=CANARY"`,
		`notify: [{name: a, webhook: ["https://h/CANARY"]}]`,
		`notify: [{name: a, webhook: "ftp://h/CANARY"}]`,
		`notify: [{name: a, webhook: "https://h/CANARY", on: [x]}]`,
		`notify: [{name: a, webhook: "https://h/CANARY", webhok: 1}]`,
		`notify: [{name: a, webhook: "https://h/CANARY"}, {name: a, webhook: "https://h/CANARY"}]`,
		`notify: [{name: a, webhook: "https://h/CANARY`,
		`notify: {name: a, webhook: "https://h/CANARY"}`,
		`notify: [{name: a, command: ["x", "--token", "CANARY"]}]`,
		`telemetry: {endpoint: "http://u:CANARY@h"}`,
		`telemetry: {endpoint: "http://CANARY@h"}`,
		`telemetry: {endpoint: "http://h:4318/v1?key=CANARY"}`,
		`signals: [{name: a.b, http_json: {url: "http://u:CANARY@h/x", field: a}}]`,
		`signals: [{name: a.b, http_json: {url: "http://CANARY@h/x", field: a}}]`,
		`signals: [{name: a.b, http_json: {url: "http://h/x?token=CANARY", field: ""}}]`,
		`signals: [{name: a.b, http_json: {url: "htp://h/x?token=CANARY", field: a}}]`,
		`signals: [{name: a.b, http_json: {url: "http://u:%zzCANARY@h/x", field: a}}]`,
		`signals: [{name: a.b, http_json: {url: "http://h/x", field: a, headers: [{name: "X y", value: CANARY}]}}]`,
		`signals: [{name: a.b, http_json: {url: "http://h/x", field: a, headers: [{name: Authorization, value: "Bearer CANARY\n"}]}}]`,
		`signals: [{name: a.b, http_json: {url: "http://h/x", field: a, headers: {Authorization: CANARY}}}]`,
		`signals: [{name: a.b, http_json: {url: "http://h/x", field: a, headers: [{name: Authorization, valeu: CANARY}]}}]`,
		`signals: [{name: a.b, http_json: {url: "http://h/x", field: a, token_file: CANARYCANARY}}]`,
		`signals: [{name: a.b, prometheus: {url: "http://u:CANARY@h", query: up}}]`,
		`signals: [{name: a.b, prometheus: {url: "http://h?token=CANARY", query: up}}]`,
		`fleets: [{name: a, policy: p, local: {database: {url: "mysql://u:CANARY@h/x"}}}]`,
		`fleets: [{name: a, policy: p, local: {database: {url: "mysql://CANARY@h/x"}}}]`,
		`fleets: [{name: a, policy: p, local: {database: {url: "mysql://h/x?password=CANARY"}}}]`,
		`fleets: [{name: a, policy: p, local: {database: {url: "postgres://u:can%zzCANARY@h/x"}}}]`,
		`fleets: [{name: a, policy: p, local: {database: {url: "postgres://u:can/CANARY@h/x?sslmode=x"}}}]`,
		`fleets: [{name: a, policy: p, local: {database: {url: "host=h password=CANARY"}}}]`,
		`fleets: [{name: a, policy: p, local: {database: {url: "postgres://u:CANARY@h/x", url_file: /nowhere}}}]`,
		`fleets: [{name: a, policy: p, local: {env: [{name: A, value: CANARY}, {name: A, value: CANARY}]}}]`,
		`fleets: [{name: a, policy: p, local: {env: [{name: "A=B", value: CANARY}]}}]`,
		`fleets: [{name: a, policy: p, local: {env: {AWS_SECRET_ACCESS_KEY: CANARY}}}]`,
		`fleets: [{name: a, policy: p, local: {stores: ["s3://u:CANARY@b/f"]}}]`,
		`fleets: [{name: a, policy: p, local: {stores: ["s3://CANARY@bucket/f"]}}]`,
		`fleets: [{name: a, policy: p, local: {stores: ["ftp://u:can%zaryCANARY@b/f"]}}]`,
		`fleets: [{name: a, policy: p, local: {results: "ftp://u:CANARY@h"}}]`,
		`fleets: [{name: a, policy: p, local: {bundle: {from: "https://u:CANARY@h/x", key: CANARY}}}]`,
		`nats: {token: CANARY}`,
		`nats: CANARYCANARY`,
		`notify: "https://h/CANARY"`,
		`access: {token: CANARY}`,
		`access: {token_file: [CANARY]}`,
	} {
		file := filepath.Join(t.TempDir(), "skynet.yaml")
		if err := os.WriteFile(file, []byte("state_dir: /x\n"+strings.ReplaceAll(line, "CANARY", canary)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(file, nil)
		if err == nil {
			t.Errorf("%s is taken", line)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%s\nis told of as %s", line, err)
		}
	}
}

// TestNoVariableIsShown: what is set by the environment is told of by its name.
func TestNoVariableIsShown(t *testing.T) {
	t.Setenv("SKYNET_TELEMETRY_ENDPOINT", "http://u:canary7f3a9c@h")
	t.Setenv("SKYNET_NATS_TOKEN", "canary7f3a9c") // there is no such key
	_, err := config.Load("", nil)
	if err == nil || strings.Contains(err.Error(), "canary7f3a9c") || !strings.Contains(err.Error(), "SKYNET_TELEMETRY_ENDPOINT") {
		t.Error(err)
	}
}
