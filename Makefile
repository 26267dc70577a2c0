# The commands of this repository. They need make and Python 3.11 or later; the rest is set up on first use.
PYTHON ?= python3
VENV := .venv/bin

# Container images often set this variable. Every process then compiles all its imports again: two seconds
# of CPU for each of the hundreds of processes that the local cloud and the tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check package terraform-check deploy

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## set up everything (the other targets do this first)
	@$(PYTHON) -m sim.setup

demo: setup ## run the complete product on this machine until Ctrl-C (or DEMO_SECONDS=90; DEMO_ARGS=…)
	@exec $(VENV)/python -m sim demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS)) $(DEMO_ARGS)

# Distributed by file, so that the tests of a file share what they start. tests/support/distribution.py assigns files
# to the three workers.
AT_ONCE = -n 3 --dist loadfile --no-loadscope-reorder
QUICK_TESTS = tests/end_to_end/test_five_truck_drive.py tests/contract tests/architecture tests/unit

test: setup ## run the tests that most changes need, in minutes (TESTS=tests/unit runs only those)
ifdef TESTS
	@exec $(VENV)/python -m pytest $(TESTS)
else
	@echo "test: unit, architecture and contract tests, and one drive through the local cloud"
	@$(VENV)/python -m pytest $(AT_ONCE) $(QUICK_TESTS); code=$$?; \
	echo "test: not run: the other drives, browser, chaos, fuzz, integration and infrastructure (make test-all)"; \
	exit $$code
endif

.PHONY: coverage
coverage: setup ## run the unit tests and report their line coverage by folder
	@mkdir -p build/coverage
	@$(VENV)/python -m pytest -q -n 2 --cov --cov-report= tests/unit
	@$(VENV)/python -m tests.support.coverage_by_folder

test-all: setup ## run every test, as CI does; about 15 minutes on 2 cores
	@exec $(VENV)/python -m pytest --hypothesis-profile=full $(AT_ONCE)

check: setup ## check formatting, lint, types, import layers, the pages, and that documents match the code
	$(VENV)/ruff format --check
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python -m sim.setup.web_check
	$(VENV)/python -m pytest -q tests/architecture

.PHONY: docs
docs: setup ## build the documentation site in build/site (python3 -m http.server -d build/site serves it)
	@$(VENV)/python -m sim.setup.docs_site

.PHONY: web browser
web: setup ## build the web pages in web/dist and check types, lint, tests, size
	$(VENV)/python -m sim.setup.web_check

browser: setup ## download a Chromium for tests/browser (70 MB; CHROME=… uses an installed one)
	@$(VENV)/python -m sim.setup.chromium

package: setup ## build the Lambdas' zips and definitions.json for Terraform, in build/
	@UV=$$($(VENV)/python -c 'from sim.setup.places import find_places; print(find_places().uv)') \
		exec $(VENV)/python -m deploy.build

terraform-check: setup ## run every check of the infrastructure
	@UV=$$($(VENV)/python -c 'from sim.setup.places import find_places; print(find_places().uv)') \
		exec $(VENV)/python -m deploy.terraform_check $(CONFIGURATIONS)

.PHONY: images
images: setup ## create the image repositories in the account and push the images; then run terraform by hand (ENV=dev)
	@UV=$$($(VENV)/python -c 'from sim.setup.places import find_places; print(find_places().uv)') \
		exec $(VENV)/python -m deploy --env $(or $(ENV),dev) --images $(DEPLOY_OPTIONS)

deploy: setup ## deploy everything to the AWS account that you are logged in to (ENV=dev or prod; DEPLOY_OPTIONS=--help)
	@test -n "$(ENV)" || { echo "set the environment: make deploy ENV=dev, or ENV=prod"; exit 2; }
	@UV=$$($(VENV)/python -c 'from sim.setup.places import find_places; print(find_places().uv)') \
		exec $(VENV)/python -m deploy --env $(ENV) $(DEPLOY_OPTIONS)

.PHONY: mutations fuzz
mutations: setup ## check that tests fail for deliberate breaks of the code (MUTATIONS_ARGS="--only NAME")
	@exec $(VENV)/python -m tests.mutations $(MUTATIONS_ARGS)

fuzz: setup ## send 50,000 generated requests and 10,000 frames that no client would send (FUZZ_CASES=…)
	@FUZZ_CASES=$${FUZZ_CASES:-50000} exec $(VENV)/python -m pytest tests/fuzz -o timeout=7200

.PHONY: chaos
chaos: setup ## kill, starve and stop parts under load, and count lost points (CHAOS_SEED=… repeats a run)
	@CHAOS_SEED=$${CHAOS_SEED:-random} CHAOS_DRIVE_S=$${CHAOS_DRIVE_S:-180} CHAOS_KILLS=$${CHAOS_KILLS:-3} \
		CHAOS_OUTAGE_S=$${CHAOS_OUTAGE_S:-120} CHAOS_MQTT_KILLS=$${CHAOS_MQTT_KILLS:-20} \
		exec $(VENV)/python -m pytest tests/chaos

.PHONY: bench
bench: setup ## run every benchmark and its baselines (BENCH_ARGS="--only NAME", or --quick)
	@exec $(VENV)/python -m bench $(BENCH_ARGS)

.PHONY: bench-truth
bench-truth: setup ## measure the accuracy of `arrived` and its time against simpler methods (BENCH_ARGS=--help)
	@exec $(VENV)/python -m bench.truth $(BENCH_ARGS)
