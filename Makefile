# Foray's targets. All of them need Go and make alone, except where they say
# what else they install for themselves.

GO       ?= go
TOOLS    := scripts/tools/go.mod
# testdata's packages are named: ./... passes them over.
PACKAGES := ./... ./testdata/catalogue/...
DEMO     := testdata/demo

.PHONY: build demo demo-llm finetune-demo reproduce test lint bench soak interop clean

build: ## the binary, bin/foray
	$(GO) build -o bin/foray ./pipelines/foray

demo: build ## a generated catalogue, all stages, a table and a report
	$(GO) run ./testdata/catalogue/cmd/generate --output $(DEMO)
	bin/foray run --items $(DEMO)/items.csv --events $(DEMO)/events.csv --clusters 72 --output out/demo

demo-llm: build ## the demo planned by a small model on this machine (python3; COVERAGE=0.1 asks fewer keys)
	$(GO) run ./testdata/catalogue/cmd/generate --output $(DEMO)
	scripts/local_model/demo.sh $(DEMO) out/demo-llm $(COVERAGE)

finetune-demo: build ## a small model is taught the demo, and plans it (python3; 20 minutes; STEPS=20 only shows the way)
	$(GO) run ./testdata/catalogue/cmd/generate --output $(DEMO)
	scripts/finetune_local/demo.sh $(DEMO) out/finetune-demo $(STEPS)

reproduce: build ## the paper's offline claims on small public data, into scripts/reproduce/RESULTS.md (python3; two hours)
	scripts/reproduce/run.sh

test: ## every Go test
	$(GO) test $(PACKAGES)

lint: ## vet, staticcheck, gofmt, and which package may import which
	$(GO) vet $(PACKAGES)
	$(GO) tool -modfile=$(TOOLS) staticcheck $(PACKAGES)
	@unformatted=$$(gofmt -l .); \
	  if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted"; exit 1; fi
	$(GO) test -run TestImportDirection ./schemas

bench: build ## figures of speed and memory, printed
	$(GO) run ./scripts/bench --foray bin/foray --dir out/bench

soak: build ## an endpoint that misbehaves, and twenty kills at random moments (KILLS=4: four)
	$(GO) run ./scripts/soak --foray bin/foray --kills $(or $(KILLS),20)

interop: demo ## tables read by DuckDB, pandas and polars, metrics again by numpy, in an environment made here
	scripts/interop/run.sh

clean: ## everything that the other targets made
	rm -rf bin out $(DEMO)
