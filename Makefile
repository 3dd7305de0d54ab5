export VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
export LDFLAGS := -s -w -X main.stamped=$(VERSION)
# With this tag Arrow uses Go's own JSON, for what nothing here calls: a sixth of a cold
# build, and 1.4 MB. The program is the same without it.
export TAGS := tinygo
BIN := bin/exporter
POSTGRES := go run ./internal/withpostgres
# Tests that need more than Go and PostgreSQL, or more time, say so in their names.
TIERS := ^Test(Readers|Browser|Terminal|Pooler|Soak)
# These start hundreds of processes, each of which the race detector slows down many
# times, or export much in one goroutine. Other tests of the same code run with it.
SLOW := ^Test(Scripts|NothingLeaks|KilledBeforeEachStep|EveryStepMayFail|HistoriesEndInTheTruth|DraftsAreValid|SizesTellRequests)$$
# What starts goroutines.
CONCURRENT := ./accounts/... ./cmd/... ./extract ./extract/quota ./load/... ./pipeline ./pipeline/schedule ./simulate
FUZZTIME ?= 30s
SOAK ?= 10m

.DEFAULT_GOAL := help
.PHONY: help build demo picture release checks test test-race test-readers test-browser test-terminal test-pooler test-clients test-release test-soak test-all bench fuzz lint verify docs clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/exporter, static and stripped
	CGO_ENABLED=0 go build -tags $(TAGS) -trimpath -buildvcs=auto -ldflags "$(LDFLAGS)" -o $(BIN) ./cmd/exporter

demo: build ## export a simulated account to ./demo
	bin/exporter demo

picture: build ## draw docs/demo.svg: the first lines of make demo; installs Python
	rm -rf demo
	PATH=$(CURDIR)/bin:$$PATH $$(scripts/python-with picture scripts/picture.txt) scripts/picture.py docs/demo.svg 24 exporter demo

release: build ## build dist/: binaries for all systems, checksums and SBOMs
	go build -o bin/sbom ./internal/sbom
	go run github.com/goreleaser/goreleaser/v2@v2.16.0 release --snapshot --clean
	cmp bin/exporter dist/exporter_$$(go env GOOS)_$$(go env GOARCH)*/exporter

test: checks ## run the tests; fetches a PostgreSQL of its own once, and needs nothing but Go
	$(POSTGRES) go test -shuffle=on -timeout 5m -skip '$(TIERS)' ./...

test-race: ## run most of them again with the race detector; installs a C compiler
	scripts/with-compiler $(POSTGRES) go test -race -shuffle=on -timeout 12m -skip '$(TIERS)|$(SLOW)' $(CONCURRENT)

test-readers: ## read tables with DuckDB, pandas, polars and pyarrow; installs Python
	$(POSTGRES) scripts/with-python go test -shuffle=on -run '^TestReaders' ./load/... ./cmd/exporter

test-browser: ## sign in with a real browser; installs Chromium
	scripts/with-browser go test -count=1 -run '^TestBrowser' ./cmd/exporter

test-terminal: ## answer questions on a terminal, and complete commands; installs bash, zsh and fish
	scripts/with-shells go test -count=1 -run '^TestTerminal' ./cmd/exporter

test-pooler: ## write to PostgreSQL through a connection pooler; installs PgBouncer
	$(POSTGRES) scripts/with-pgbouncer go test -count=1 -run '^TestPooler' ./load/postgres

test-clients: ## point clients that others wrote at the simulation; installs Python and Node
	scripts/with-clients go test -tags clients -count=1 ./internal/clienttest

test-release: ## start the binary that make release builds for this machine
	scripts/test-release

test-soak: ## kill runs and play random histories for SOAK each
	SOAK=$(SOAK) go test -v -count=1 -timeout 0 -run '^TestSoak' ./load/parquet ./pipeline

test-all: test test-race test-readers test-browser test-terminal test-pooler test-clients test-release ## run everything, and a minute of each soak test
	$(MAKE) test-soak SOAK=1m

checks: # what is wrong before anything runs
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }
	go vet ./...
	go mod tidy -diff

bench: ## measure the figures of docs/performance.md
	$(POSTGRES) scripts/with-python go test -run '^$$' -bench . -benchtime 3x -timeout 30m ./extract/... ./accounts/pgstore ./load/... ./cmd/exporter
	$(POSTGRES) scripts/with-python go test -run '^$$' -bench . -benchtime 1x -timeout 30m ./pipeline

fuzz: ## fuzz each target for FUZZTIME
	go test -run '^$$' -fuzz FuzzPage -fuzztime $(FUZZTIME) ./extract
	go test -run '^$$' -fuzz FuzzRetryAfter -fuzztime $(FUZZTIME) ./extract
	go test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./pipeline/config

lint: ## run golangci-lint
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run

verify: ## fail when generated documentation or go.mod is out of date
	go test -run 'TestDocs' ./cmd/exporter
	go mod tidy -diff

docs: ## write the generated documentation anew
	go test -run 'TestDocs' ./cmd/exporter -update

clean: ## remove what was built and exported
	rm -rf bin dist demo data
