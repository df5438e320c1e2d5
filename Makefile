# Commands for developers. Everything is installed into .venv, from package registries only.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := 2.13.0
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Containers often set this. Then each of the tests' hundreds of processes, and each part of the demo,
# would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

PANEL := plugin/panel/dist/index.html
# The player of clips is a part of the service's pages, and of the panel.
PANEL_SOURCE := $(shell find plugin/panel/src plugin/panel/public service/dejabug/web/pages/static/player -type f) \
	plugin/panel/index.html
NPM_STAMP := plugin/node_modules/.installed
# A real OpenID Connect provider, for the sign-in tests.
PROVIDER := tests/oidc/node_modules/.installed
# The prose linter.
PROSE := tools/prose/node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo up screens film panel panel-types test test-slow lint browser caddy old-ffmpeg bench chaos soak fuzz mutants clips devset quality docs pins audit clean

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv and install everything into it

# One CUDA build of torch is over 2 GB, so a machine without a GPU gets the CPU build.
$(STAMP): pyproject.toml tools/install.sh
	PYTHON=$(PYTHON) VENV=$(VENV) TORCH=$(TORCH) sh tools/install.sh
	@touch $@

demo: $(STAMP) ## run the demo from ticket to comment; succeeds if the true duplicate is suggested
	@$(BIN)/dejabug demo $(ARGS)

# The studio works without the panel too.
up: $(STAMP) ## run Déjà Bug with a stand-in Jira, to try everything in a browser
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory panel; fi
	@$(BIN)/dejabug up $(ARGS)

panel: $(PANEL) ## build the Jira app's panel (needs node and npm)

panel-types: $(STAMP) $(NPM_STAMP) ## regenerate the panel's TypeScript types, after a change of its data
	$(BIN)/python -m tools.panel_types
	cd plugin && npm run --silent types

%/node_modules/.installed: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PANEL): $(NPM_STAMP) $(PANEL_SOURCE) plugin/vite.config.ts
	cd plugin && npm run --silent build

test: $(STAMP) panel $(PROVIDER) $(PROSE) browser caddy old-ffmpeg ## lint, type-check and run the tests (under 10 minutes)
	@VENV=$(VENV) sh tools/test.sh $(ARGS)

# tests/slow-passed.json records the files it passed with; .ci/run runs it when those have changed.
test-slow: $(STAMP) ## run the tests that `make test` leaves out: malicious files, evaluations, soak, image
	$(BIN)/python -m tools.slow_tests $(ARGS)

browser: ## install Chromium for the tests, unless there is one
	sh tools/browser.sh

caddy: $(STAMP) ## download Caddy for the proxy's test, unless there is one
	VENV=$(VENV) sh tools/caddy.sh

old-ffmpeg: ## download ffmpeg 5.1 for the media tests, unless there is one (Debian 12 only)
	sh tools/old_ffmpeg.sh

screens: $(STAMP) panel browser ## take screenshots of every page and state: .state/screens/sheet/index.html
	$(BIN)/python -m tools.screens --out .state/screens/sheet $(ARGS)

film: $(STAMP) panel browser ## update the screenshots and the film in docs/images
	$(BIN)/python -m tools.screens --readme $(ARGS)

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

bench: $(STAMP) ## measure speed, compared with naive code and with 100,000 frames (10 minutes)
	$(BIN)/python -m tools.bench $(ARGS)
	$(BIN)/python -m tools.bench.slow_clients
	$(BIN)/python -m tools.bench.questions

chaos: $(STAMP) ## kill processes again and again, and check that nothing is lost (15 minutes)
	$(BIN)/python -m tools.chaos $(ARGS)
	$(BIN)/python -m tools.chaos.restart
	$(BIN)/python -m tools.chaos.restart --apart

soak: $(STAMP) ## simulate a year, and check that nothing leaks (10 minutes)
	$(BIN)/python -m tools.soak $(ARGS)

# Only this needs Atheris, which does not have wheels for all machines.
fuzz: $(STAMP) ## fuzz our parsers and the decoder; ARGS="--seconds 600 --target talk"
	@$(BIN)/pip install -q --upgrade --target .state/fuzz/atheris "atheris>=3,<4"
	@PYTHONPATH=.state/fuzz/atheris $(BIN)/python -m tools.fuzz $(ARGS)

mutants: $(STAMP) ## run mutation tests; PACKAGE=ranking
	@$(BIN)/python -m tools.mutants $(PACKAGE) $(ARGS)

clips: ## record the demo's clips again (see tools/record/README.md)
	$(PYTHON) -m venv .venv-record
	.venv-record/bin/pip install -q -r tools/record/requirements.txt
	MUJOCO_GL=osmesa .venv-record/bin/python -m tools.record --out service/dejabug/demo/clips

devset: ## record the evaluation's development set into .state/development (an hour)
	$(PYTHON) -m venv .venv-record
	.venv-record/bin/pip install -q -r tools/record/requirements.txt
	MUJOCO_GL=osmesa .venv-record/bin/python -m tools.record --out .state/development \
		--set development --seed 3

quality: $(STAMP) ## measure the search quality on the demo's clips, with an HTML report
	@mkdir -p .state
	DEJABUG_ENCODER=$${DEJABUG_ENCODER:-starter} $(BIN)/dejabug eval service/dejabug/demo/clips \
		--ablation --html .state/quality.html --curve .state/quality.png $(ARGS)

pins: $(STAMP) ## update the images' pinned dependencies, after a change in pyproject.toml
	$(BIN)/python -m tools.pins

# Both query their registry's advisories; --strict: fail if a package was not checked.
audit: $(STAMP) ## check the dependencies of the images and the panel for known vulnerabilities
	$(BIN)/uv tool run pip-audit --strict --no-deps --disable-pip --require-hashes \
		$(foreach layer,web worker cuda build,-r deploy/pins/$(layer).txt)
	cd plugin && npm audit

clean: ## remove .venv and .state
	rm -rf $(VENV) .venv-record .state plugin/node_modules plugin/panel/dist tests/oidc/node_modules tools/prose/node_modules
