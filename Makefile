export VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
export LDFLAGS := -s -w -X main.stamped=$(VERSION)
BIN := bin/exporter
PROVIDED := scripts/with-postgres scripts/with-pgbouncer scripts/with-python scripts/with-browser
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.PHONY: help build demo release test-release test bench fuzz lint verify docs clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/exporter, static and stripped
	CGO_ENABLED=0 go build -trimpath -buildvcs=auto -ldflags "$(LDFLAGS)" -o $(BIN) ./cmd/exporter

demo: build ## export a simulated account to ./demo
	bin/exporter demo

release: build ## build dist/: binaries for all systems, checksums and SBOMs
	go build -o bin/sbom ./internal/sbom
	go run github.com/goreleaser/goreleaser/v2@v2.16.0 release --snapshot --clean
	cmp bin/exporter dist/exporter_$$(go env GOOS)_$$(go env GOARCH)*/exporter

test-release: ## start the binary that make release builds for this machine
	scripts/test-release

test: ## run everything that must pass; brings its own PostgreSQL, Python readers and browser
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }
	go vet ./...
	go mod tidy -diff
	$(PROVIDED) go test -race -shuffle=on -timeout 12m ./...

bench: ## measure the figures of docs/performance.md
	$(PROVIDED) go test -run '^$$' -bench . -benchtime 3x -timeout 30m ./extract/... ./accounts/pgstore ./load/... ./cmd/exporter
	$(PROVIDED) go test -run '^$$' -bench . -benchtime 1x -timeout 30m ./pipeline

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
