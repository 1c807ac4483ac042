# `make run` and `make test` are all you need: each sets up `.venv` by itself the first time. `make help` lists the rest.

PY := .venv/bin/python
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup check plan run status up unit test mutants test-rehearsal wheel-test trust lint format lock calibrate bench-providers real-servers bench-parse bench-check bench-batch bench-fidelity bench-bounds bench-retrieval bench-documents bench-scoring bench-judged bench-obvious bench-join bench-identity bench-inference rehearse soak bench-live bench-scale bench-plan bench-analysis stack audit sbom screenshots env clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make `.venv` (every target below does, when it must); PYTHON= chooses the interpreter
	@command -v python3 >/dev/null || { \
	  echo "llm-bench: python3 is not on PATH: install Python 3.11, 3.12 or 3.13 and run the command again." >&2; exit 1; }
	@python3 scripts/setup.py

run: setup ## measure one batch of a study and show what came out; STUDY=quickstart (needs no key), PORT=
	@$(PY) -m llm_bench run "$${STUDY:-quickstart}" $${PORT:+--port "$$PORT"}

check: setup ## show within seconds what would stop a study, without spending a token; STUDY=thesis, ARGS=--ask
	@$(PY) -m llm_bench check "$${STUDY:-thesis}" $(ARGS)

plan: setup ## show what a study will ask, take, cost and show, before it starts; STUDY=thesis, ARGS=--json
	@$(PY) -m llm_bench plan "$${STUDY:-thesis}" $(ARGS)

status: setup ## show how far a study is, and what needs a hand; STUDY=thesis, ARGS=--json
	@$(PY) -m llm_bench status "$${STUDY:-thesis}" $(ARGS)

up: setup ## start Airflow with its UI; PORT=
	@$(PY) -m llm_bench up $${PORT:+--port "$$PORT"}

env: ## write .env, the generated secrets of docker compose; what stands there stays
	@python3 scripts/env.py

stack: setup ## run the services of docker-compose.yaml without containers, until Ctrl+C; PORT=, WORKERS=
	@$(PY) scripts/stack.py $${PORT:+--port "$$PORT"} $${WORKERS:+--workers "$$WORKERS"}

calibrate: setup ## measure this machine's own client error and keep it with a study's data; STUDY=
	@$(PY) -m llm_bench calibrate "$${STUDY:-quickstart}"

unit: setup ## run the tests of the pure modules: what to run first, and after every change
	@started=$$(date +%s); $(PY) -m pytest -n 2 -q --hypothesis-profile unit -m "not slow" $$($(PY) tests/pure.py) $(ARGS) \
	  && echo "make unit: $$(($$(date +%s) - started)) s"

test: setup ## run the tests, two at a time; ARGS= goes to pytest, e.g. ARGS="-k schedule"
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 40 $(ARGS)

mutants: setup ## change the pure modules at random, and see whether their tests notice; SEED=, N=40
	@$(PY) scripts/mutants.py $(if $(SEED),--seed $(SEED)) $(if $(N),-n $(N)) $(ARGS)

test-rehearsal: setup ## run a short thesis study under every kind of fault, and an outage; they need the machine alone
	@$(PY) -m pytest -m rehearsal

trust: setup ## attack it from all sides and write docs/trust.md; some of it takes minutes and the machine alone
	@TRUST_PAGE=docs/trust.md $(PY) -m pytest -m trust $(ARGS)

wheel-test: setup ## install the wheel beside Airflow in a new environment, and measure a batch with it there
	@$(PY) scripts/wheel_test.py

lint: setup ## check style, format and types
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-logo

format: setup ## rewrite the code in the house's format
	@$(PY) -m ruff format
	@$(PY) -m ruff check --fix

audit: setup ## look for secrets in the repository and for known vulnerabilities of its packages
	@$(PY) scripts/audit.py

# In an environment of its own: what it brings makes every import of jsonschema 1.5 s slower, and so every join.
sbom: setup ## write sbom.json, the bill of all locked packages (CycloneDX); OUT=
	@UV_CACHE_DIR="$${UV_CACHE_DIR:-.venv/cache}" .venv/bin/uv tool run --quiet --from cyclonedx-bom==7.5.0 \
	  cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o $(or $(OUT),sbom.json)

lock: ## rewrite requirements.lock and requirements.txt from pyproject.toml; UPGRADE=1 takes newer versions
	@python3 scripts/setup.py lock $(if $(UPGRADE),--upgrade)

bench-parse: setup ## time how long Airflow takes to parse the DAGs
	@$(PY) benchmarks/parse.py

bench-check: setup ## time `make check` of the thesis study, over importing Airflow alone; at most 10 s on two quiet cores
	@$(PY) benchmarks/check.py

bench-batch: setup ## time a whole batch beyond its slowest cell
	@$(PY) benchmarks/batch.py

bench-fidelity: setup ## compare this client's times with raw HTTP, guidellm and AIPerf (installs them in .bench)
	@$(PY) benchmarks/fidelity.py

bench-bounds: setup ## weigh what a hostile server can cost: 50 MB of answer, 3,000 comments, a page that unpacks to 1 GB
	@$(PY) benchmarks/bounds.py

bench-providers: setup ## try each provider of LiteLLM's list against a double of it; ARGS=--write writes the page
	@$(PY) benchmarks/providers.py $(ARGS)

real-servers: setup ## measure servers that others wrote: the LiteLLM proxy, guidellm's and transformers' (installs them in .bench)
	@$(PY) -m pytest -m servers $(ARGS)

bench-retrieval: setup ## measure how well the passages that answer are found, for every question set
	@$(PY) benchmarks/retrieval.py

bench-documents: setup ## measure what is kept of PDF, DOCX, HTML, CSV and XLSX, and what 5 MB cost; ARGS=--tables=DIR
	@$(PY) benchmarks/documents.py $(ARGS)

bench-scoring: setup ## measure how well the scores order graded answers, beside baselines, and what they cost
	@$(PY) benchmarks/scoring.py

bench-judged: setup ## hold the scores against answers that other people judged; JUDGED=FOLDER (without: its format), ARGS=--write
	@$(PY) benchmarks/judged.py $(JUDGED) $(ARGS)

bench-obvious: setup ## count the answers of which any person knows the scores, and which are scored otherwise
	@$(PY) benchmarks/obvious.py

bench-join: setup ## time validating and loading 80 records and a million, with their memory
	@$(PY) benchmarks/join.py

bench-plan: setup ## hold a plan against the study that is then measured, and its power against simulated studies
	@$(PY) benchmarks/plan.py

bench-analysis: setup ## time every page's queries for 4,480, a million and ten million records, and weigh the pages
	@$(PY) benchmarks/dashboard_pages.py

bench-identity: setup ## simulate studies whose LLMs change, and don't: how many changes are found, and how many invented
	@$(PY) benchmarks/identity.py

bench-inference: setup ## simulate studies whose truth is known: how often intervals hold it, and tests err; ARGS=--write writes the page
	@$(PY) benchmarks/inference.py $(ARGS)

screenshots: setup ## take pictures of every page of the dashboard, light and dark, of a made-up study
	@$(PY) scripts/screenshots.py

rehearse: setup ## measure the whole thesis study in a quarter of an hour, under faults, and count what came of it; SLOTS=4, SEED=
	@$(PY) benchmarks/rehearse.py $${SLOTS:+--slots "$$SLOTS"} $${SEED:+--seed "$$SEED"}

soak: setup ## let a study run around the clock under faults, and see whether memory or file handles grow; HOURS=2, SEED=
	@$(PY) benchmarks/soak.py $${HOURS:+--hours "$$HOURS"} $${SEED:+--seed "$$SEED"}

bench-live: setup ## let the scheduler start 14 slots within 7 minutes, and measure how late it does
	@$(PY) benchmarks/live.py

bench-scale: setup ## time a cell in batches of 8, 80 and 1,000 cells
	@$(PY) benchmarks/scale.py

clean: ## remove the set-up and caches; data/ and .airflow/ stay
	@rm -rf .bench .venv .wheel-test .hypothesis .mypy_cache .pytest_cache .ruff_cache plugins/*.egg-info
	@find benchmarks dags plugins scripts tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
