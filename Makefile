# Everything a user does starts here; `make` lists it.  The environment sets itself up on first use.
# Values given on the command line (MODEL=...) are taken as they stand, neither expanded by make nor read by
# a shell: they reach the program through the environment.
override MODEL := $(value MODEL)
override TARGET := $(value TARGET)
override WEIGHTS := $(value WEIGHTS)
override HLS := $(value HLS)
override HEAD := $(value HEAD)
override IO := $(value IO)
override DATA := $(value DATA)
override BULK := $(value BULK)
override CHECK := $(value CHECK)
override PROFILE := $(value PROFILE)
override MODELS := $(value MODELS)
override TARGETS := $(value TARGETS)
override SEED := $(value SEED)
override BUDGET := $(value BUDGET)
override SPACE := $(value SPACE)
override SAMPLER := $(value SAMPLER)
override MEMBERS := $(value MEMBERS)
override WORKERS := $(value WORKERS)
override STORAGE := $(value STORAGE)
override FINETUNE := $(value FINETUNE)
override POINT := $(value POINT)
export MODEL TARGET WEIGHTS HLS HEAD IO DATA BULK CHECK PROFILE MODELS TARGETS SEED
export BUDGET SPACE SAMPLER MEMBERS WORKERS STORAGE FINETUNE POINT

READY := .venv/.ready

.PHONY: help fpga explore train test test-full check bench corpus nightly dashboard doctor setup clean

help:
	@echo "make fpga MODEL=jet3 [TARGET=vu13p_5ns]   model -> HLS + RTL -> verified -> synthesized -> report"
	@echo "make explore MODEL=jet3 BUDGET=200        search bit widths: accuracy against LUT and latency; POINT=n of 'make fpga' builds one"
	@echo "make test                                 the tests (20 minutes or less on 2 cores)"
	@echo "make test-full                            the slow ones too, as the nightly runs them"
	@echo "make check                                formatting, lint, types, floors, RTL lint"
	@echo "make train MODEL=jet3 [DATA=openml]       train a model of the zoo again (DATA: openml, a file, a folder of idx files or traces)"
	@echo "make corpus [SEED=text]                   the report parsers against the corpus of real reports, and damaged copies of it"
	@echo "make bench                                measure speed; figures for docs/performance.md"
	@echo "make nightly [MODELS=\"jet3 jsc_tiny\"]     every model of the zoo on every target: summary, JUnit, dashboard"
	@echo "make dashboard                            the history of runs as a static site, in site/"
	@echo "make doctor                               what is installed, which stages can run"
	@echo "make clean                                remove build/"

fpga: $(READY)
	@ci/fpga

explore: $(READY)
	@ci/explore

train: $(READY)
	@ci/train

test: $(READY)
	@ci/test

test-full: $(READY)
	@ci/test --full

check: $(READY)
	@ci/check

bench: $(READY)
	@ci/bench

corpus: $(READY)
	@ci/corpus

nightly: $(READY)
	@ci/nightly

dashboard: $(READY)
	@.venv/bin/bitwright dashboard -o site

doctor: $(READY)
	@.venv/bin/bitwright doctor

setup: $(READY)

$(READY): pyproject.toml ci/constraints.txt ci/setup $(wildcard src/bitwright/frontend/pins/*.txt)
	@ci/setup

clean:
	rm -rf build
