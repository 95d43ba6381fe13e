# medview: `make run` opens the window, `make test` runs the tests. Each first sets up what is missing (docs/install.md).
PYTHON ?= python3
VENV := .venv/bin
BOOTSTRAP := $(PYTHON) packaging/bootstrap.py
UV := $(or $(wildcard .venv/bin/uv),uv)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --only-binary :all: --generate-hashes \
	--no-annotate --no-header

.PHONY: help run setup bench test test-train check format lock train-setup reports screenshot rings translations clean distclean

help:
	@echo 'make run           set up, then open the window on a sample (ARGS="file..." for your own)'
	@echo 'make setup         install what is missing into .venv, nothing else'
	@echo 'make test          set up, then run the tests of the program'
	@echo 'make bench         measure this machine, as JSON'
	@echo 'make check         ruff and mypy'
	@echo 'make format        let ruff format the code'
	@echo 'make train-setup   also install PyTorch and what training needs'
	@echo 'make test-train    the tests of training, PyTorch included'
	@echo 'make reports       write models_onnx/*/report.html, a page of figures for each model (no PyTorch, no data)'
	@echo 'make screenshot    write docs/window.webp, the picture in README.md, anew'
	@echo 'make rings         write docs/rings.md, the picture of what imports what, anew'
	@echo 'make translations  write every text for translators (build/medview.ts; ARGS=FILE.ts to update a language)'
	@echo 'make lock          write requirements/*.txt anew (UPGRADE=--upgrade for newer versions)'
	@echo 'make clean         remove caches and build folders (distclean: .venv too)'

run:
	@$(BOOTSTRAP) run $(ARGS)

setup:
	@$(BOOTSTRAP) setup

bench:
	@$(BOOTSTRAP) setup
	@$(VENV)/medview bench $(ARGS)

test:
	@$(BOOTSTRAP) setup --dev
	QT_QPA_PLATFORM=offscreen $(VENV)/python -m pytest --ignore=tests/training $(ARGS)

test-train:
	@$(BOOTSTRAP) setup --dev --train
	QT_QPA_PLATFORM=offscreen $(VENV)/python -m pytest tests/training $(ARGS)

check:
	@$(BOOTSTRAP) setup --dev
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy

format:
	@$(BOOTSTRAP) setup --dev
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .

train-setup:
	@$(BOOTSTRAP) setup --train

reports:
	@$(BOOTSTRAP) setup --reports
	@$(VENV)/python -m training reports

# The script takes its window from the tests.
screenshot:
	@$(BOOTSTRAP) setup --dev
	QT_QPA_PLATFORM=offscreen $(VENV)/python docs/screenshot.py docs/window.webp

rings:
	@$(PYTHON) docs/rings.py

translations:
	@$(BOOTSTRAP) setup
	@$(VENV)/python packaging/translations.py $(ARGS)

# Versions stay as they are unless pyproject.toml or UPGRADE=--upgrade asks for others. torch is left out: see ADR 0002.
lock:
	@command -v $(UV) >/dev/null || { echo 'make lock needs uv: python3 -m pip install uv'; exit 1; }
	echo 'setuptools>=77' | $(COMPILE) $(UPGRADE) - -o requirements/build.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cpu -o requirements/cpu.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --extra gpu -c requirements/cpu.txt -o requirements/gpu.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --extra dev -c requirements/cpu.txt -o requirements/dev.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --extra train -c requirements/cpu.txt -c requirements/dev.txt \
		-c requirements/build.txt --no-emit-package torch -o requirements/train.txt

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	rm -f models_onnx/*/report.html
	find medview training tests packaging docs -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv
