# What people rely on. Needs make and Python 3.11 or later; the rest is set up on first use.
PYTHON ?= python3
VENV := .venv/bin

# Images of containers often set it. Every process then compiles again whatever it imports: two seconds of
# a processor for each of the hundreds that the local cloud and the tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check package terraform-check deploy

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## set up everything (the others do it too)
	@$(PYTHON) -m sim.setup

demo: setup ## the whole product here, live; Ctrl-C ends it (or DEMO_SECONDS=90; DEMO_ARGS=…)
	@exec $(VENV)/python -m sim demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS)) $(DEMO_ARGS)

# By file, so that what a file's tests share is started once; tests/support/distribution.py says which
# of the three workers takes which.
AT_ONCE = -n 3 --dist loadfile --no-loadscope-reorder
QUICK_TESTS = tests/end_to_end/test_five_truck_drive.py tests/contract tests/architecture tests/unit

test: setup ## what most changes need, in minutes (TESTS=tests/unit for a part)
ifdef TESTS
	@exec $(VENV)/python -m pytest $(TESTS)
else
	@echo "test: unit, architecture and contract tests, and one drive through the local cloud"
	@$(VENV)/python -m pytest $(AT_ONCE) $(QUICK_TESTS)
	@echo "test: the other drives, chaos, fuzz, integration and infrastructure were not run; make test-all runs them"
endif

.PHONY: coverage
coverage: setup ## which share of the sources the unit tests run, by folder
	@mkdir -p build/coverage
	@$(VENV)/python -m pytest -q -n 2 --cov --cov-report= tests/unit
	@$(VENV)/python -m tests.support.coverage_by_folder

test-all: setup ## every test, as CI runs them; about 15 minutes on 2 cores
	@exec $(VENV)/python -m pytest --hypothesis-profile=full $(AT_ONCE)

check: setup ## formatting, lint, types, import layers, docs in step with the code
	$(VENV)/ruff format --check
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python -m sim.setup.web_check
	$(VENV)/python -m pytest -q tests/architecture

.PHONY: docs
docs: setup ## the documentation as a site, in build/site (python3 -m http.server -d build/site shows it)
	@$(VENV)/python -m sim.setup.docs_site

.PHONY: web browser
web: setup ## the web pages in web/dist, checked: types, lint, tests, size
	$(VENV)/python -m sim.setup.web_check

browser: setup ## a Chromium for tests/browser (70 MB; or name one that is there: CHROME=…)
	@$(VENV)/python -m sim.setup.chromium

package: setup ## the Lambdas' zips, in build/
	@UV=$$($(VENV)/python -c 'from sim.setup.places import find_places; print(find_places().uv)') \
		exec $(VENV)/python -m deploy.package

terraform-check: setup ## every check of the infrastructure
	@UV=$$($(VENV)/python -c 'from sim.setup.places import find_places; print(find_places().uv)') \
		exec $(VENV)/python -m deploy.terraform_check $(CONFIGURATIONS)

.PHONY: images
images: setup ## the images' repositories and the images, in the account; then terraform by hand (ENV=dev)
	@UV=$$($(VENV)/python -c 'from sim.setup.places import find_places; print(find_places().uv)') \
		exec $(VENV)/python -m deploy --env $(or $(ENV),dev) --images $(DEPLOY_OPTIONS)

deploy: setup ## everything into the AWS account that you are logged in to (ENV=dev or prod; DEPLOY_OPTIONS=--help)
	@test -n "$(ENV)" || { echo "which environment? make deploy ENV=dev, or ENV=prod"; exit 2; }
	@UV=$$($(VENV)/python -c 'from sim.setup.places import find_places; print(find_places().uv)') \
		exec $(VENV)/python -m deploy --env $(ENV) $(DEPLOY_OPTIONS)

.PHONY: mutations fuzz
mutations: setup ## break the code on purpose: do the tests notice? (MUTATIONS_ARGS="--only NAME")
	@exec $(VENV)/python -m tests.mutations $(MUTATIONS_ARGS)

fuzz: setup ## 50,000 requests and 10,000 frames that no client would send (FUZZ_CASES=…)
	@FUZZ_CASES=$${FUZZ_CASES:-50000} exec $(VENV)/python -m pytest tests/fuzz -o timeout=7200

.PHONY: chaos
chaos: setup ## kill, starve and stop the parts under load: what was lost? (CHAOS_SEED=… repeats one)
	@CHAOS_SEED=$${CHAOS_SEED:-random} CHAOS_DRIVE_S=$${CHAOS_DRIVE_S:-180} CHAOS_KILLS=$${CHAOS_KILLS:-3} \
		CHAOS_OUTAGE_S=$${CHAOS_OUTAGE_S:-120} CHAOS_MQTT_KILLS=$${CHAOS_MQTT_KILLS:-20} \
		exec $(VENV)/python -m pytest tests/chaos

.PHONY: bench
bench: setup ## every benchmark, beside its baselines (BENCH_ARGS="--only NAME", or --quick)
	@exec $(VENV)/python -m bench $(BENCH_ARGS)

.PHONY: bench-truth
bench-truth: setup ## how right `arrived` and its time are, beside simpler ways (BENCH_ARGS=--help)
	@exec $(VENV)/python -m bench.truth $(BENCH_ARGS)
