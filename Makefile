# `make demo` and `make test` are all that a new machine needs: they set everything up themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
IN_PARALLEL := $(BIN)/pytest -n 2 --dist loadfile --max-worker-restart 0 -q -m "not slow and not processes"
# in fresh processes: after thousands of other tests a worker of the test runner has vanished
DATA := $(addprefix tests/,data check stats)
TRAINING := $(addprefix tests/,plan train cli benchmark export test_reproduce.py)

.PHONY: demo test slow check format docs lock clean

demo: $(READY)
	rm -rf runs/demo
	$(BIN)/tessella demo --out runs/demo

test: $(READY)
	$(IN_PARALLEL) $(DATA)
	$(IN_PARALLEL) $(addprefix --ignore=,$(DATA) $(TRAINING) tests/serve)
	$(IN_PARALLEL) $(TRAINING)
	$(IN_PARALLEL) tests/serve
	$(BIN)/pytest -q -m "processes and not slow"

slow: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile --max-worker-restart 0 --no-loadscope-reorder -q --durations=12 -m "slow and not processes"
	$(BIN)/pytest -q --durations=12 -m "slow and processes"

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[train,openvino,serve,sweep,mlflow,wandb,ray,dev]' -c constraints.txt
	touch $(READY)

docs: $(READY)
	$(BIN)/python docs/make_reference.py

lock: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --no-emit-index-url \
	  --python-version 3.11 --all-extras pyproject.toml -o constraints.txt

clean:
	rm -rf $(VENV) runs .pytest_cache .ruff_cache
