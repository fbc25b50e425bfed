# Each target sets up what it needs, once. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# A process for each core, which needs no threads of its own. Tests that share what takes long to make run in one of them.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadgroup
EXTRAS := train,report,vision,ampy,mic,virtual,test,lint

.PHONY: help setup pico demo test check test-board lint bench soak schema parameters drawings wheel mip lock clean

help:
	@echo "make setup            a virtual environment in $(VENV) with everything, and the virtual board"
	@echo "make pico             the virtual Pico: MicroPython's rp2 port and an emulator (a few minutes, once)"
	@echo "make demo [WAV=FILE]  keywords heard by a virtual board, in built-in clips or in FILE"
	@echo "make test             all tests, on the virtual board"
	@echo "make check            lint, and the tests of the host alone: a minute or two"
	@echo "make test-board       those that a real board can run, on the one at WATCHWORD_PORT"
	@echo "make lint             style, types and the direction of imports"
	@echo "make bench            measurements that are too slow or too unsteady for tests"
	@echo "make soak             what takes hours: power cuts, damaged files, the virtual Pico in lockstep, long hearing"
	@echo "make parameters       the places of kernels' parameters, from their contracts into their bodies"
	@echo "make drawings         how microphones are wired, for the guide, from what the package knows of boards and modules"
	@echo "make schema           the JSON Schema of descriptions, from the classes that read them"
	@echo "make wheel            the package, into dist/"
	@echo "make mip              the firmware as packages for mpremote mip install, into dist/mip"
	@echo "make lock             refresh requirements.lock from the newest releases"
	@echo "make clean            remove $(VENV), dist and caches (the virtual board stays in the user's cache folder)"
	@echo
	@echo "PYTHON=python3.12 chooses the Python that the virtual environment is made with."

# Quick where the virtual board stands already: it looks, and builds only what is missing.
setup: $(INSTALLED)
	@$(BIN)/watchword setup unix
	@$(install_portaudio)

pico: $(INSTALLED)
	@$(BIN)/watchword setup pico

demo: setup
	@$(BIN)/watchword demo $(if $(WAV),--wav "$(WAV)")

test: setup pico
	@$(PYTEST)

check: lint
	@$(PYTEST) tests/unit -m "not built"

test-board: $(INSTALLED)
	@test -n "$(WATCHWORD_PORT)" || { echo "name the board: make test-board WATCHWORD_PORT=/dev/ttyACM0" >&2; exit 1; }
	@WATCHWORD_PORT="$(WATCHWORD_PORT)" $(BIN)/python -m pytest -m real_board

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup pico
	$(BIN)/python -m pytest tests/bench -s

schema: $(INSTALLED)
	$(BIN)/python -c 'from watchword import description; print(description.schema(), end="")' > schema.tmp
	@mv schema.tmp host/watchword/description.schema.json

parameters: $(INSTALLED)
	@$(BIN)/python -m watchword.firmware.parameters

drawings: $(INSTALLED)
	@$(BIN)/python -m watchword.report.wiring docs/how-to

soak: pico
	$(BIN)/python -m pytest tests/soak -s

wheel: $(INSTALLED)
	$(BIN)/python -m hatchling build

mip: $(INSTALLED)
	@$(BIN)/watchword firmware -o dist/mip

# A fresh environment without the constraints, written down. `exclude` leaves out the project itself and pip.
lock:
	rm -rf $(VENV)-lock
	$(call create_venv,$(VENV)-lock)
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check '.[$(EXTRAS)]'
	(sed -n '/^#/p' requirements.lock; \
	 $(VENV)-lock/bin/python -m pip freeze --exclude watchword) > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) $(VENV)-lock dist build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find host firmware tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml requirements.lock
	@test -x $(BIN)/python || { $(call create_venv,$(VENV)); }
	@echo "installing the Python packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[$(EXTRAS)]'
	@touch $@

# PortAudio, for the computer's microphone, where it is missing and this is root's; without it some tests skip.
define install_portaudio
if [ "$$(id -u)" = 0 ] && [ -e /etc/debian_version ] && ! ldconfig -p | grep -q libportaudio.so.2; then \
  echo "installing libportaudio2"; \
  { apt-get update; apt-get install -y --no-install-recommends libportaudio2; } >/dev/null 2>&1 || \
    echo "libportaudio2 cannot be installed: the computer's microphone stays untested" >&2; \
fi
endef

# $(call create_venv,FOLDER): one shell command. On Debian and Ubuntu, ensurepip is in a package of its own.
define create_venv
if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null && [ -e /etc/debian_version ]; then \
  if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
  echo "installing $(notdir $(PYTHON))-venv"; \
  { $$sudo apt-get update; $$sudo apt-get install -y --no-install-recommends $(notdir $(PYTHON))-venv; } >/dev/null 2>&1; \
fi; \
if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
  echo "watchword needs Python 3.11 or later, and '$(PYTHON)' is not one: try 'make setup PYTHON=python3.12'" >&2; exit 1; \
fi; \
if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
  echo "'$(PYTHON)' lacks venv: run 'sudo apt-get install $(notdir $(PYTHON))-venv', then again" >&2; exit 1; \
fi; \
$(PYTHON) -m venv $(1)
endef
