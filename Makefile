# make demo    the whole stack, alive, until Ctrl-C           make drill   break it three ways, wait for Slack
# make test    everything, against the real parts             make check   style, types, rules, configurations
.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo up down status drill game-day test check check-dashboards chaos bench-kafka-lag bench-gateways \
	bench-pods bench-router golden dashboards screenshots lock clean

PYTHON ?= python3
BIN := .venv/bin
MAKEFLAGS += --no-print-directory

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

.venv/ready: pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) sh compose/native/venv.sh
	@touch $@

setup: .venv/ready ## a virtual environment, and what is missing from Debian and Maven
	@$(BIN)/bongsu install

setup-test: .venv/ready
	@$(BIN)/bongsu install --tests

demo: setup ## the whole stack, a live line a part, until Ctrl-C
	@exec $(BIN)/bongsu demo

up: setup ## the whole stack in the background
	@$(BIN)/bongsu up

down: .venv/ready ## end every process of it
	@$(BIN)/bongsu down

status: .venv/ready ## what runs where, and what it uses
	@$(BIN)/bongsu status

drill: setup ## break the demo (lag, limits, cpu) and wait for Slack
	@$(BIN)/bongsu drill

game-day: setup ## every drill in random order, and a report of it (SEED=)
	@$(BIN)/bongsu game-day $(if $(SEED),--seed $(SEED))

test: setup-test ## the whole test suite, real parts included
	@$(BIN)/pytest

check: setup-test ## style, types, rules, dashboards, configurations
	@$(BIN)/ruff format --check -q . && $(BIN)/ruff check -q .
	@$(BIN)/mypy
	@$(MAKE) check-dashboards
	@$(BIN)/bongsu check-config

bench-kafka-lag: setup-test ## kafka_lag beside kafka_exporter and kminion (KAFKA_EXPORTER=, KMINION= name their binaries)
	@$(BIN)/python -m bench.kafka_lag

bench-gateways: .venv/ready ## gateway_limits on a thousand Envoys, beside prometheus_client
	@$(BIN)/python -m bench.gateway_limits

bench-pods: setup-test ## pod_cpu on 110,000 containers, beside prometheus_client's parser and renderer
	@$(BIN)/python -m bench.pod_cpu

bench-router: setup-test ## the router beside Alertmanager's own slack_configs: delay, a storm of 1,000 groups, webhooks a second
	@$(BIN)/python -m bench.router

check-dashboards: setup-test ## lint every page, hold each query to what is exported, and each metric to what is drawn
	@$(BIN)/bongsu dashboards check
	@$(BIN)/python -m tests.dashboards

dashboards: .venv/ready ## write the dashboards' JSON and Kubernetes objects from their code
	@$(BIN)/bongsu dashboards build

chaos: setup-test ## kill, stop and starve the router hundreds of times, compare Slack with Alertmanager (SEED=, RUNS=)
	@$(BIN)/python -m tests.chaos --runs $(or $(RUNS),300) $(if $(SEED),--seed $(SEED))

golden: setup-test ## rewrite the golden files and the dashboards from what the code makes now
	@$(BIN)/pytest -q --golden tests/exporters tests/alerting

screenshots: setup-test ## the README's pictures, from the running stack
	@$(BIN)/python docs/screenshots.py

lock: .venv/ready ## write down the versions of everything installed now
	@$(BIN)/pip freeze --exclude-editable > constraints.txt

clean: down ## remove the virtual environment and the stack's state
	rm -rf .venv .bongsu
