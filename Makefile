# What a developer needs. Everything is installed into .venv from package registries alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := 2.13.0
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Containers often set this, and then each of the hundreds of processes of the tests, and each part of
# the demo, compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

PANEL := plugin/panel/dist/index.html
PANEL_SOURCE := $(shell find plugin/panel/src plugin/panel/public -type f) plugin/panel/index.html
NPM_STAMP := plugin/node_modules/.installed
# A real OpenID Connect provider, for the tests of signing in.
PROVIDER := tests/oidc/node_modules/.installed
# The prose linter.
PROSE := tools/prose/node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo up panel panel-types test test-slow lint browser caddy old-ffmpeg bench chaos soak fuzz mutants clips devset quality docs pins audit clean

help: ## list what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv and install everything into it

# One CUDA build of torch is over 2 GB, so a machine without a GPU gets the CPU build.
$(STAMP): pyproject.toml tools/install.sh
	PYTHON=$(PYTHON) VENV=$(VENV) TORCH=$(TORCH) sh tools/install.sh
	@touch $@

demo: $(STAMP) ## play the whole story; ends 0 when the true duplicate is suggested
	@$(BIN)/dejabug demo $(ARGS)

# The studio works without the panel too.
up: $(STAMP) ## start the demo's studio and keep it running to play with
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory panel; fi
	@$(BIN)/dejabug up $(ARGS)

panel: $(PANEL) ## build the panel of the Jira app (needs node and npm)

panel-types: $(STAMP) $(NPM_STAMP) ## write the panel's TypeScript types again, after a change of what it is told
	$(BIN)/python -m tools.panel_types
	cd plugin && npm run --silent types

%/node_modules/.installed: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PANEL): $(NPM_STAMP) $(PANEL_SOURCE) plugin/vite.config.ts
	cd plugin && npm run --silent build

test: $(STAMP) panel $(PROVIDER) $(PROSE) browser caddy old-ffmpeg ## lint, type-check and run the tests (under ten minutes)
	@VENV=$(VENV) sh tools/test.sh $(ARGS)

# What it passed with is noted in tests/slow-passed.json; .ci/run runs it when that has changed.
test-slow: $(STAMP) ## run what `make test` leaves out: all hostile files, long evaluations, soak, image
	$(BIN)/python -m tools.slow_tests $(ARGS)

browser: ## see that there is a Chromium for the tests, or install one
	sh tools/browser.sh

caddy: $(STAMP) ## see that there is a Caddy for the proxy's test, or fetch one
	VENV=$(VENV) sh tools/caddy.sh

old-ffmpeg: ## see that there is an ffmpeg 5.1 for the media tests, or fetch one (Debian 12 only)
	sh tools/old_ffmpeg.sh

lint: $(STAMP) $(PROSE) ## check code (ruff, mypy, import-linter), spelling (codespell) and wording (textlint)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	sh tools/prose/lint.sh

docs: $(STAMP) ## build the documentation site into .state/site (strict: a broken link fails)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir .state/site
	@echo "The documentation is in .state/site/index.html; $(BIN)/mkdocs serve shows it while you edit"

bench: $(STAMP) ## measure speed: ratios to the naive way, then answers at 100,000 frames (10 minutes)
	$(BIN)/python -m tools.bench $(ARGS)
	$(BIN)/python -m tools.bench.slow_clients
	$(BIN)/python -m tools.bench.questions

chaos: $(STAMP) ## kill everything again and again, and see that nothing is lost (15 minutes)
	$(BIN)/python -m tools.chaos $(ARGS)
	$(BIN)/python -m tools.chaos.restart
	$(BIN)/python -m tools.chaos.restart --apart

soak: $(STAMP) ## play a year in some minutes, and see that nothing grows and nothing is left (10 minutes)
	$(BIN)/python -m tools.soak $(ARGS)

# Atheris is for this alone, and has no wheel for every machine.
fuzz: $(STAMP) ## random bytes against our parsers and the decoder; ARGS="--seconds 600 --target talk"
	@$(BIN)/pip install -q --upgrade --target .state/fuzz/atheris "atheris>=3,<4"
	@PYTHONPATH=.state/fuzz/atheris $(BIN)/python -m tools.fuzz $(ARGS)

mutants: $(STAMP) ## break the code on purpose, and see whether its tests notice; PACKAGE=ranking
	@$(BIN)/python -m tools.mutants $(PACKAGE) $(ARGS)

clips: ## record the demo's clips again (needs the Debian packages that tools/record/README.md names)
	$(PYTHON) -m venv .venv-record
	.venv-record/bin/pip install -q -r tools/record/requirements.txt
	MUJOCO_GL=osmesa .venv-record/bin/python -m tools.record --out service/dejabug/demo/clips

devset: ## record the development set of the evaluation into .state/development (an hour)
	$(PYTHON) -m venv .venv-record
	.venv-record/bin/pip install -q -r tools/record/requirements.txt
	MUJOCO_GL=osmesa .venv-record/bin/python -m tools.record --out .state/development \
		--set development --seed 3

quality: $(STAMP) ## measure the search on the demo's clips: figures, each step's worth, a page
	@mkdir -p .state
	DEJABUG_ENCODER=$${DEJABUG_ENCODER:-starter} $(BIN)/dejabug eval service/dejabug/demo/clips \
		--ablation --html .state/quality.html --curve .state/quality.png $(ARGS)

pins: $(STAMP) ## pin anew what the images install, after a change in pyproject.toml
	$(BIN)/python -m tools.pins

# Both ask their registry for its advisories; --strict: a package that was not looked up is a fault.
audit: $(STAMP) ## look for known weaknesses in what the images and the panel contain
	$(BIN)/uv tool run pip-audit --strict --no-deps --disable-pip --require-hashes \
		$(foreach layer,web worker cuda build,-r deploy/pins/$(layer).txt)
	cd plugin && npm audit

clean: ## remove .venv and .state
	rm -rf $(VENV) .venv-record .state plugin/node_modules plugin/panel/dist tests/oidc/node_modules tools/prose/node_modules
