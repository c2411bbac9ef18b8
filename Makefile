# Everything a person or a CI system runs here. `make` alone lists it.
#
#   PYTHON=python3.12   the interpreter to build .venv with (default: the first 3.11 or newer)
#   ARGS='...'          more arguments for the command a target runs
#
# make's own exit code is 2 for any failure; .venv/bin/lockproof gives lockproof's exit codes.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PYTEST := $(BIN)/pytest -rsfE
ARGS ?=

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
	while IFS='	' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: ## make .venv with lockproof in it
	@scripts/setup run

.PHONY: setup-gate
setup-gate: ## make .venv with what the gate and lint need, without DVC
	@scripts/setup gate

.PHONY: reproduce
reproduce: setup ## prove this repository's own pipeline (ARGS go to `lockproof reproduce`)
	@$(BIN)/lockproof reproduce $(ARGS)

.PHONY: develop
develop: ## make .venv with the tests and checks as well
	@scripts/setup dev

# Apart from .venv: dagger-io and MLflow do not fit into one environment.
.PHONY: develop-module
develop-module: develop
	@$(BIN)/python scripts/module_venv.py

.PHONY: test-module
test-module: develop-module ## run the tests of the Dagger module's own code; needs no engine
	@cd ci && .venv/bin/pytest -q

.PHONY: ci-tools
ci-tools: develop ## add actionlint (from Go) and gitlab-ci-local (npm), for the tests of the CI files
	@scripts/ci_tools/install

.PHONY: test
test: test-module ## run every test that can run here; the others say why not
	@$(PYTEST) --numprocesses auto --dist loadgroup $(ARGS)

ORDINARY := $(addprefix tests/unit/,test_files.py test_file_sets.py test_scratch.py test_hasher.py test_run.py \
  test_sandbox.py test_trace.py test_identity.py test_leftovers.py test_git.py compare/test_folders.py) \
  $(addprefix tests/integration/,test_isolation.py test_full_disk.py test_no_passwd.py test_gate_checkout.py)
.PHONY: test-ordinary
test-ordinary: ## run the tests that have to do with permissions, for who is not root
	@$(PYTEST) --numprocesses auto --dist loadgroup $(ORDINARY) $(ARGS)

# Run by name, a group that cannot run, or has no test, is a failure and not a skip.
.PHONY: test-s3
test-s3: develop ## run the tests that need an S3 server
	@$(PYTEST) -m s3 --require s3 $(ARGS)

.PHONY: test-cluster
test-cluster: develop ## run the tests that need a Kubernetes API server
	@$(PYTEST) -m cluster --require cluster $(ARGS)

.PHONY: test-node
test-node: develop ## run the tests that need a cluster whose nodes run pods
	@$(PYTEST) -m node --require node $(ARGS)

.PHONY: test-engine
test-engine: develop ## run the tests that need a Dagger engine
	@$(PYTEST) -m engine --require engine $(ARGS)

.PHONY: bench
bench: develop ## run the benchmarks, one at a time, and print what they measured
	@$(PYTEST) -p no:xdist -s -o python_files='bench_*.py' tests/bench $(ARGS)

.PHONY: gate-answers
gate-answers: develop ## ask DVC about each mutation of the gate's tests, for docs/gate-beside-dvc.md
	@$(BIN)/python -m tests.bench.gate_answers docs/gate-beside-dvc.md

.PHONY: causes-answers
causes-answers: develop ## hold causes against known truth, for docs/causes-beside-truth.md
	@$(BIN)/python -m tests.bench.causes_answers $(ARGS) docs/causes-beside-truth.md

.PHONY: causes-again
causes-again: develop ## ask 60 times about what is another each time, for docs/causes-again.md
	@$(BIN)/python -m tests.bench.causes_again $(ARGS) docs/causes-again.md

.PHONY: canary-figures
canary-figures: develop ## hold ways to decide about a canary against known truth, for docs/canary-beside-others.md (ARGS=CANARIES)
	@$(BIN)/python scripts/canary_figures.py $(ARGS)

.PHONY: fuzz
fuzz: develop ## fuzz the parsers, a minute each (ARGS='PARSER SECONDS'); Linux only
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps \
	  -r requirements/fuzz.txt
	@$(BIN)/python -m tests.fuzz.fuzz $(ARGS)

.PHONY: lint
lint: develop ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: format
format: develop ## rewrite what lint would complain about, where that is safe
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: types
types: develop-module ## check types
	@$(BIN)/mypy
	@cd ci && .venv/bin/mypy

.PHONY: contracts
contracts: develop ## check which room imports which
	@$(BIN)/lint-imports

.PHONY: docs
docs: develop ## write the generated pages of docs/reference/
	@$(BIN)/python -m lockproof.render.schema docs/reference
	@$(BIN)/python scripts/cli_page.py

.PHONY: ci-files
ci-files: develop ## write this repository's own CI files, as `lockproof init` makes them
	@$(BIN)/lockproof init --ci github --ci gitlab --branch main \
		--install 'make setup' --gate-install 'make setup-gate' --bin .venv/bin --force

.PHONY: pins
pins: develop ## ask for the newest versions of what the CI files use (ARGS=--check only says so)
	@$(BIN)/python scripts/pins.py $(ARGS)

.PHONY: pin-platform
pin-platform: ## let control-plane/'s overlays follow this commit (ARGS=COMMIT for another)
	@python3 -B scripts/pin_platform.py $(ARGS)

.PHONY: docs-check
docs-check: develop ## check that docs/reference/cli.md is in step (tests check the schemas)
	@$(BIN)/python scripts/cli_page.py --check

.PHONY: diagrams
diagrams: ## draw docs/*-diagram.png from docs/diagrams/ (needs librsvg's rsvg-convert)
	@python3 -B docs/diagrams docs

.PHONY: lock
lock: develop ## resolve uv.lock and requirements/ again (ARGS=--upgrade for newest versions)
	@scripts/lock $(ARGS)

.PHONY: locked
locked: develop ## check that pyproject.toml, uv.lock and requirements/ are in step
	@scripts/lock --check

.PHONY: screenshots
screenshots: develop ## take docs/report-*.png of sample reports (needs chromium-headless-shell)
	@scripts/screenshots docs

.PHONY: news
news: develop ## show the release notes that news/ would give
	@$(BIN)/towncrier build --draft --version next

.PHONY: clean
clean: ## remove what make made; nothing outside this folder
	rm -rf .venv .venv.old ci/.venv dist .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
