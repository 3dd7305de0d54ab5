VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PROVIDED := scripts/with-postgres scripts/with-pgbouncer scripts/with-python scripts/with-browser
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.PHONY: help build demo test bench fuzz lint verify docs clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/exporter, without cgo
	CGO_ENABLED=0 go build -trimpath -ldflags "-X main.stamped=$(VERSION)" -o bin/exporter ./cmd/exporter

demo: build ## export a simulated account to ./demo
	bin/exporter demo

test: ## run everything that must pass; brings its own PostgreSQL, Python readers and browser
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }
	go vet ./...
	go mod tidy -diff
	$(PROVIDED) go test -race -shuffle=on -timeout 12m ./...

.PHONY: test-clients
test-clients: ## point clients that others wrote at the simulation; brings spotipy, two Node clients and zmb3/spotify
	scripts/with-clients go test -tags clients -count=1 ./internal/clienttest

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
	rm -rf bin demo data
