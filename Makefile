# make run starts the gateway, make test proves it. Both install what they need.

CONFIG ?= conf/trunkline.yaml

.DEFAULT_GOAL := help
.PHONY: help run build test lint format image clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build a release and serve conf/trunkline.yaml (CONFIG=file for another)
	.build/release/trunkline serve --config $(CONFIG)

build: ## Install the Debian packages needed and build a release
	scripts/install-dependencies
	swift build -c release --product trunkline

test: ## Install what the tests need, run all of them, print a summary
	scripts/test

lint: ## Check the format of the sources
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

format: ## Format the sources
	swift format --in-place --parallel --recursive Package.swift Sources Tests

image: ## Build the Docker image
	docker build -f docker/Dockerfile -t trunkline .

clean: ## Remove what was built
	rm -rf .build
