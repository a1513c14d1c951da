# `make` alone lists the targets. Python packages go into .venv, the services into a cache outside the tree
# (INCIDENT_ARCHIVE_CACHE, else ~/.cache/incident-archive). With CI set nothing is skipped.

PYTHON ?= python3
VENV   ?= .venv
PY      = $(VENV)/bin/python
PYTEST_OPTIONS ?= -n 2 --dist worksteal
SOAK_OPTIONS   ?=
BENCH_OPTIONS  ?=

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test services lint types generated docs dossiers contracts-test web-test pytest web contracts slither schemas links pictures format lock bench soak clean distclean

say = @printf '\n=== %s\n'

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------- the two commands

demo: $(VENV)/.publish-installed  ## Publish the 10/11 dossier, verify it, flip one byte and show it fail
	$(say) "demo: publish, verify, tamper, verify"
	@$(PY) tools/demo.py

test: $(VENV)/.dev-installed services lint types generated docs dossiers contracts-test web-test pytest  ## Install everything and run every check and test
	@printf '\nmake test: all of it passed\n'

# ------------------------------------------------------------------------------------------------------- installing

$(PY):
	$(say) "Python environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.publish-installed: requirements-publish.lock pyproject.toml | $(PY)
	$(say) "installing what a publisher needs, by requirements-publish.lock"
	@$(PY) -m pip install --quiet --require-hashes -r requirements-publish.lock
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-installed: requirements.lock pyproject.toml | $(PY)
	$(say) "installing everything, by requirements.lock"
	@$(PY) -m pip install --quiet --require-hashes -r requirements.lock
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.publish-installed

services: $(VENV)/.dev-installed  ## Install Kubo, Foundry, solc, arlocal and the packages of web/ into the cache
	$(say) "services: Kubo from the Go proxy; Foundry, solc, arlocal and the packages of web/ from npm"
	@$(PY) tools/services.py install all

# ----------------------------------------------------------------------------------------------------------- checking

lint: $(VENV)/.dev-installed  ## ruff check and ruff format --check
	$(say) "ruff"
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: $(VENV)/.dev-installed  ## mypy --strict
	$(say) "mypy"
	@$(VENV)/bin/mypy

generated: $(VENV)/.dev-installed  ## Are the generated files what their sources give? Schemas, contract artifact, snapshots
	$(say) "generated files: schemas"
	@$(VENV)/bin/archive schema check
	$(say) "generated files: Unicode tables of the browser verifier"
	@code=0; $(PY) tools/unicode_tables.py --check || code=$$?; case $$code in 0|3) ;; *) exit $$code ;; esac
	$(say) "generated files: chains and validator sets of the browser verifier"
	@$(PY) tools/web_chain_data.py --check
	$(say) "generated files: fields of a record of the browser verifier"
	@$(PY) tools/record_model.py --check
	$(say) "generated files: contract artifact, gas and size snapshots"
	@code=0; $(PY) tools/services.py have forge || code=$$?; \
	case $$code in 0) $(PY) tools/build_contracts.py --check ;; 3) ;; *) exit $$code ;; esac

docs: $(VENV)/.dev-installed  ## Build the documentation as pages into build/docs; every link in it is checked, offline
	$(say) "documentation: links, pages in build/docs"
	@$(PY) -m tools.docsite build build/docs

dossiers: $(VENV)/.dev-installed  ## archive check of the published dossiers in incidents/
	$(say) "dossiers"
	@$(VENV)/bin/archive check --ci incidents

contracts-test: $(VENV)/.dev-installed  ## forge: format, unit, fuzz and invariant tests, gas snapshot
	$(say) "forge: format, unit, fuzz and invariant tests, gas snapshot"
	@code=0; $(PY) tools/services.py have forge || code=$$?; \
	case $$code in 0) \
	    $(PY) tools/services.py forge fmt --check; \
	    $(PY) tools/services.py forge test; \
	    $(PY) tools/services.py forge snapshot $(SNAPSHOT) --check > /dev/null ;; \
	  3) ;; *) exit $$code ;; esac

web-test: $(VENV)/.dev-installed  ## The browser verifier: types, and its tests over the same vectors
	$(say) "browser verifier: types, tests over the same vectors"
	@code=0; $(PY) tools/services.py have web || code=$$?; \
	case $$code in 0) \
	    cd web && node_modules/.bin/tsc -p . && node build.mjs --check && ARCHIVE_COMMAND=$(abspath $(VENV))/bin/archive node test.mjs ;; \
	  3) ;; *) exit $$code ;; esac

pytest: $(VENV)/.dev-installed  ## pytest: unit, command line, integration with the real services, packaging
	$(say) "pytest"
	@$(PY) -m pytest $(PYTEST_OPTIONS)

# --------------------------------------------------------------------------------------------------------- generating

SNAPSHOT = --no-match-test 'testFuzz|invariant' --snap snapshots/tests.gas-snapshot

contracts: $(VENV)/.dev-installed  ## Build the registry, write artifact and snapshots, run its tests
	$(say) "contracts: build, artifact, snapshots, tests"
	@$(PY) tools/services.py install node
	@$(PY) tools/services.py forge fmt
	@$(PY) tools/build_contracts.py
	@$(PY) tools/services.py forge snapshot $(SNAPSHOT)
	@$(PY) tools/services.py forge test

slither: $(VENV)/.dev-installed  ## Slither over the registry (installs it into the cache); findings must be answered
	$(say) "slither"
	@$(PY) tools/services.py install node
	@$(PY) tools/slither.py

schemas: $(VENV)/.dev-installed  ## Export the JSON Schemas from the models
	$(say) "schemas"
	@$(VENV)/bin/archive schema export
	@$(PY) tools/record_model.py

links: $(VENV)/.dev-installed  ## List the external links of the documentation anew (docs/links.txt); nothing is fetched
	@$(PY) -m tools.docsite links

web: $(VENV)/.dev-installed  ## Build the browser verifier as one page, and write its hash into the READMEs
	$(say) "browser verifier: one page"
	@$(PY) tools/services.py install web
	@cd web && node_modules/.bin/tsc -p . && node build.mjs
	@$(PY) tools/verifier_hash.py

pictures: $(VENV)/.dev-installed  ## Take the pictures of the READMEs anew (needs Chromium)
	@$(PY) tools/services.py install web
	@cd web && ARCHIVE_COMMAND=$(abspath $(VENV))/bin/archive node pictures.mjs

format: $(VENV)/.dev-installed  ## Format the Python and Solidity sources
	$(say) "format"
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .
	@code=0; $(PY) tools/services.py have forge || code=$$?; \
	case $$code in 0) $(PY) tools/services.py forge fmt ;; 3) ;; *) exit $$code ;; esac

lock: $(VENV)/.dev-installed  ## Resolve the Python locks anew (make lock UPGRADE=1 takes newer versions)
	$(say) "lock"
	@$(PY) -m pip install --quiet uv
	@$(PY) tools/lock.py $(if $(UPGRADE),--upgrade)

# ---------------------------------------------------------------------------------------------------------- long runs

bench: $(VENV)/.dev-installed services  ## Measure speed and memory beside Kubo, ipfs-car and import web3
	$(say) "bench"
	@$(PY) -m bench $(BENCH_OPTIONS)

soak: $(VENV)/.dev-installed services  ## Long seeded runs (kills, fuzzing, load); writes soak/report.json
	$(say) "soak"
	@$(PY) tools/soak.py $(SOAK_OPTIONS)

# ----------------------------------------------------------------------------------------------------------- cleaning

clean:  ## Remove what builds and tests leave behind; keeps .venv and the services' cache
	$(say) "clean"
	@rm -rf .demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis contracts/out contracts/cache contracts/broadcast
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean  ## clean, and remove .venv
	@rm -rf .venv
