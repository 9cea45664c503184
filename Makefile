# Everything that a person or CI runs. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
GO_LDFLAGS := -s -w -X skynet/cmd/internal/wire.stamped=$(VERSION)
# The same bytes wherever they are built: no paths, and of git only the version. The
# list of modules is go.mod's, never written by a build.
SAME := -trimpath -buildvcs=false
export GOFLAGS := $(filter-out -mod=%,$(GOFLAGS)) -mod=readonly
# What needs libvips: everything else builds without cgo.
CGO_PACKAGES := ./worker/... ./cmd/skynet-worker/... ./test/...

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## install ffmpeg and libvips (Debian, needs the right to install packages)
	@deploy/deps.sh

.PHONY: build
build: deps ## build skynet and skynet-worker into bin/
	@mkdir -p bin
	CGO_ENABLED=0 go build $(SAME) -ldflags '$(GO_LDFLAGS)' -o bin/skynet ./cmd/skynet
	CGO_ENABLED=1 go build $(SAME) -ldflags '$(GO_LDFLAGS)' -o bin/skynet-worker ./cmd/skynet-worker

.PHONY: run
run: build ## set everything up and show the whole system at work
	bin/skynet demo

# Nothing in these runs beside anything else (test/alone_test.go sees to it): the race
# detector has nothing to find, and takes up to twenty times as long.
ALONE := config/strict signals/forecast simulate simulate/clairvoyant simulate/recording simulate/scenario deploy/supply deploy/supply/cmd test/supply test/faults

.PHONY: test
test: deps ## set everything up and run all tests, with the race detector where things run side by side
	go test -race -timeout 20m $$(go list ./... | grep -vxFf <(printf 'skynet/%s\n' $(ALONE)))
	go test -timeout 20m $(addprefix ./,$(ALONE))

.PHONY: quality
quality: ## play recorded load by slo and by peers into docs/quality.md (TRACES=folder; under an hour)
	go run ./test/quality -traces $(or $(TRACES),../shared/traces) -out docs/quality.md

# The stand-in for AWS that conformance tests talk to: a Python of its own.
.build/moto/bin/moto_server: deploy/moto-requirements.txt
	@deploy/deps.sh moto
	python3 -m venv .build/moto
	.build/moto/bin/pip install --quiet --disable-pip-version-check --require-hashes -r deploy/moto-requirements.txt
	@touch $@

.PHONY: conformance
conformance: deps .build/moto/bin/moto_server ## run the AWS adapters and the real programs against moto (Python), and rows against PostgreSQL
	SKYNET_MOTO=$(CURDIR)/.build/moto/bin/moto_server go test -count=1 -parallel 4 -timeout 15m -run '^TestMoto' \
		$$(grep -rl --include='*_test.go' '^func TestMoto' . | xargs -n 1 dirname | sort -u)
	@deploy/deps.sh postgres
	SKYNET_POSTGRES=$$(ls -d /usr/lib/postgresql/*/bin | tail -1) go test -count=1 -run '^TestPostgres' ./worker/rows

.PHONY: policies
policies: ## try every call of both AWS roles, and what a thief would try, against their policies in a simulator (npm)
	@deploy/deps.sh page
	@mkdir -p .build/simulator && cp deploy/simulator/package*.json .build/simulator/
	@npm --prefix .build/simulator ci --no-audit --no-fund --ignore-scripts --silent
	SKYNET_SIMULATOR=$(CURDIR)/.build/simulator go test -count=1 -run 'TestSimulatorAgrees|TestOurCallsPass|TestNeighboursAreRefused|TestNothingCouldBeLeftOut' ./test/deploy

.PHONY: alerts
alerts: ## check alert rules and the Grafana dashboard with promtool
	@deploy/deps.sh prometheus
	SKYNET_PROMTOOL=required go test -count=1 ./test/alerts

.PHONY: lint
lint: ## golangci-lint (with vet and staticcheck), gofmt, go.mod
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt these:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go tool golangci-lint run
	go mod verify
	go mod tidy -diff

.PHONY: licences
licences: ## list the dependencies with their licences in THIRD_PARTY.md, and refuse what is not permitted
	go run ./deploy/supply/cmd licences

.PHONY: vulnerabilities
vulnerabilities: ## ask what is known against the dependencies (STRICT=1 fails where it cannot be asked; VULNDB=file:///copy)
	@deploy/supply/vulnerabilities.sh

.PHONY: reproducible
reproducible: deps ## build programs and packages twice, in different surroundings, and want the same bytes (FULL=1: dependencies, too)
	@deploy/supply/reproducible.sh

# are,NAMES,pattern,what refuses what was given for one of the names and is not that.
are = $(foreach v,$(1),$(if $($(v)),$(if $(shell printf '%s' '$($(v))' | grep -xE '$(2)'),,$(error $(v)=$($(v)) is no $(3)))))
number = $(call are,$(1),[0-9]{1$(comma)18},number: give one such as $(2))
count = $(call are,$(1),[1-9][0-9]{0$(comma)8},number of at least 1: give one such as $(2))
span = $(call are,$(1),([0-9]+(\.[0-9]+)?(h|m|s))+,time: give one such as $(2))
comma := ,

.PHONY: soak
soak: deps ## kill, freeze and cut off the real programs, fill their disks, and count at both ends (FOR=5m, SEED=…; with SKYNET_MOTO against moto, too)
	$(call span,FOR,5m)$(call number,SEED,17)go run ./test/soak -for $(or $(FOR),5m) $(if $(SEED),-seed $(SEED))
	@if [ -z "$${SKYNET_MOTO:-}" ]; then echo "not against moto: SKYNET_MOTO does not name moto_server (make conformance installs .build/moto/bin/moto_server)"; else \
		SKYNET_SOAK_FOR=$(or $(FOR),5m) SKYNET_SOAK_SEED=$(SEED) go test -count=1 -v -timeout 0 -run '^TestMotoSoak$$' ./test/aws; fi

.PHONY: faults
faults: ## play the controller in a hostile world, seed by seed (SEEDS=300 FROM=1 HOURS=2, WIRE=1, ALSO="orders reloads" in all, CALM=1 but for people none; SEED=17 for one, STORY=1 tells it)
	$(call count,SEEDS HOURS,2)$(call number,SEED FROM,17)$(call are,ALSO,[a-z0-9-]+( [a-z0-9-]+)*,list of weather: give some such as orders reloads)go test -count=1 -timeout 0 -v -run '^TestSeeds$$' ./test/faults -args -shrink -hours $(or $(HOURS),2) $(if $(WIRE),-wire) $(if $(CALM),-calm) $(if $(ALSO),-also '$(ALSO)') \
		$(if $(SEED),-seeds 1 -from $(SEED) $(if $(STORY),-story),-seeds $(or $(SEEDS),300) -from $(or $(FROM),1))

.PHONY: fuzz
fuzz: ## fuzz every parser for a few seconds each (FUZZTIME=10s)
	@deploy/fuzz.sh $(or $(FUZZTIME),10s)

.PHONY: bench
bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./policy/... ./journal/... ./signals/... ./simulate/... ./queue/... ./cmd/... ./fleet/ec2 ./test/scale
	SKYNET_MOTO=$$(ls $(CURDIR)/.build/moto/bin/moto_server 2>/dev/null) go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./test/flow
	go test -run '^$$' -bench . -benchtime 1x -timeout 30m ./worker/av
	go test -run '^$$' -bench . ./worker/confine

.PHONY: scale
scale: ## what a tick costs with 10 to 10,000 workers, and a wave of interruptions, into docs/pictures/tick-cost.svg (ten minutes)
	go run ./test/scale -notices 15000 -out docs/pictures

.PHONY: bench-images
bench-images: deps ## photographs a second beside sharp (npm) and vipsthumbnail
	test/bench/images/run.sh

# What the pages are built with, as their package-lock.json say.
PAGES := simulate/report/page dashboard/page
$(addsuffix /node_modules,$(PAGES)): %/node_modules: %/package-lock.json
	@deploy/deps.sh page
	npm --prefix $* ci --no-audit --no-fund
	@touch $@

.PHONY: pictures
pictures: ## draw the pictures of docs/forecasting.md
	go run ./test/pictures -out docs/pictures

.PHONY: page
page: $(addsuffix /node_modules,$(PAGES)) ## build the report's page and the dashboard's (npm; the built ones are committed)
	for page in $(PAGES); do npm --prefix "$$page" run build; done

.PHONY: page-test
page-test: $(addsuffix /node_modules,$(PAGES)) build ## look at reports and at the dashboard in Chromium, without a network
	@deploy/deps.sh browser
	work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && \
		go test -count=1 -run TestExampleReports ./simulate/report -reports "$$work" && \
		node simulate/report/page/browser.test.mjs "$$work" && \
		node dashboard/page/browser.test.mjs && \
		{ bin/skynet demo --dir "$$work/demo" --photos 12 --clips 1 --interval 1s >"$$work/said" || { cat "$$work/said"; false; }; } && \
		node dashboard/page/real.test.mjs bin/skynet "$$work/demo"

.PHONY: packages
packages: build ## make Debian packages of both into dist/, with bills of materials (CycloneDX) and SHA256SUMS
	@deploy/packages/build.sh dist

.PHONY: package-test
package-test: packages ## look the packages over, and install, upgrade and remove them in a Debian made for it
	@deploy/deps.sh packages
	lintian --allow-root --fail-on error,warning dist/*.deb
	@deploy/packages/test.sh dist

.PHONY: booted-test
booted-test: packages ## the same in a container with systemd, with a local fleet at work (minutes; needs systemd-nspawn)
	@deploy/deps.sh booted
	@deploy/packages/test.sh dist booted

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist
