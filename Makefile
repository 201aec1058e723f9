# The entrance. Needs Rust, Python 3.9 or newer and make; sets up everything else itself, in .venv and build/.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
DOCS := build/docs
LINT := build/lint
export PYO3_PYTHON := $(abspath $(PY))

SOURCES := $(shell find crates/rustcam/src crates/rustcam-python python -type f -not -name '*.pyc') \
	crates/rustcam/Cargo.toml Cargo.toml Cargo.lock pyproject.toml README.md LICENSE

.PHONY: help demo test fuzz fuzz-windows golden reliability race bench bench-check bench-windows profile soak check docs pages lint-workflows wheels clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

demo: $(VENV)/installed  ## capture the screen (or a simulated one), save a picture, measure
	cargo build --quiet --release -p rustcam --example x11_desktop
	$(PY) examples/demo.py build/demo.png target/release/examples/x11_desktop

test: $(VENV)/dev $(VENV)/installed  ## run all tests; LANES="rust sim" runs some
	PYTHON=$(PYTHON) sh scripts/packages.sh x11 windows wine || true
	$(PY) scripts/test.py $(LANES)

fuzz:  ## random worlds against the oracle; WORLDS=1000000 for longer
	RUSTCAM_WORLDS=$(or $(WORLDS),100000) cargo test --package rustcam --test worlds

fuzz-windows: $(VENV)/dev  ## random worlds through the lab, under Wine; WORLDS=100000 for longer
	PYTHON=$(PYTHON) sh scripts/packages.sh x11 windows wine || true
	RUSTCAM_LAB_WORLDS=$(or $(WORLDS),10000) $(PY) scripts/test.py wine-worlds

golden:  ## make the golden images of the pointer anew; look at them before you keep them
	cargo test --package rustcam --test golden -- --ignored

reliability:  ## write docs/reliability.md from the table of the tests
	$(or $(wildcard $(PY)),$(PYTHON)) tests/reliability.py

race:  ## the threads of the engine under the thread sanitizer; needs nightly Rust with rust-src
	RUSTFLAGS=-Zsanitizer=thread cargo +nightly test -Zbuild-std --target x86_64-unknown-linux-gnu --target-dir target/race \
		--package rustcam --lib --test stream --test capture

bench: $(VENV)/bench $(VENV)/installed  ## measure speed and memory, write docs/performance.md; ROUNDS=1 for a quick look
	PYTHON=$(PYTHON) sh scripts/packages.sh x11 || true
	PYTHONPATH=tests $(PY) -m benches.bench benches/results/x11.json
	$(PY) -m benches.render docs/performance.md x11
	$(PY) -m benches.render README.md

bench-check: $(VENV)/bench $(VENV)/installed  ## measure briefly; fail if a ratio is worse than in benches/results
	PYTHON=$(PYTHON) sh scripts/packages.sh x11 || true
	PYTHONPATH=tests $(PY) -m benches.bench --check benches/results/x11.json

bench-windows: $(VENV)/bench $(VENV)/installed  ## measure the Windows wheel and its rivals under Wine; ROUNDS=1 for a quick look
	PYTHON=$(PYTHON) sh scripts/packages.sh x11 windows wine || true
	PYTHONPATH=scripts $(PY) -m benches.windows benches/results/windows.json
	$(PY) -m benches.render docs/performance.md windows
	$(PY) -m benches.render docs/profile.md

profile: $(VENV)/bench $(VENV)/installed  ## tell where the time of one call goes, write docs/profile.md; needs perf
	PYTHON=$(PYTHON) sh scripts/packages.sh x11 profile
	PYTHONPATH=tests $(PY) -m benches.profile benches/results/profile.json
	$(PY) -m benches.render docs/profile.md

soak: $(VENV)/installed  ## stream for two minutes and watch memory, files and threads; SECONDS=600 for longer
	$(PY) benches/soak.py $(or $(SECONDS),120)

check: $(VENV)/dev $(VENV)/installed  ## formatting, lints, types, stub, architecture
	$(PY) scripts/check.py

docs: $(DOCS)/ready  ## build the documentation strictly, into build/site
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet --strict

pages: $(VENV)/installed  ## write the pages that are made from the program: commands, troubleshooting
	$(PY) scripts/pages.py
	WRITE_PAGES=1 cargo test --quiet --package rustcam --lib page

lint-workflows: $(LINT)/ready  ## look for mistakes and dangers in .github
	$(LINT)/bin/zizmor --offline --quiet .github
	$(LINT)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(LINT)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(LINT)/bin/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(LINT)/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml

wheels: dist/.made  ## build the wheels for Linux and Windows into dist/

clean:  ## delete everything that was built
	rm -rf $(VENV) build dist target
	find python tests benches scripts examples -name __pycache__ -prune -exec rm -rf {} +

dist/.made: $(VENV)/build $(SOURCES) scripts/wheels.sh
	sh scripts/wheels.sh $(PY)
	touch $@

$(DOCS)/ready: requirements/docs.txt scripts/venv.sh
	sh scripts/venv.sh $(PYTHON) $(DOCS) $<
	touch $@

$(LINT)/ready: requirements/workflows.txt scripts/venv.sh
	sh scripts/venv.sh $(PYTHON) $(LINT) $<
	touch $@

$(VENV)/build: requirements/build.txt scripts/venv.sh
	sh scripts/venv.sh $(PYTHON) $(VENV) $<
	touch $@

$(VENV)/dev: requirements/dev.txt requirements/examples.txt requirements/models.txt $(VENV)/build
	sh scripts/venv.sh $(PYTHON) $(VENV) $<
	PIP_NO_DEPS=1 PIP_IGNORE_REQUIRES_PYTHON=1 sh scripts/venv.sh $(PYTHON) $(VENV) requirements/models.txt
	touch $@

$(VENV)/bench: requirements/bench.txt $(VENV)/dev
	sh scripts/venv.sh $(PYTHON) $(VENV) $<
	touch $@

$(VENV)/installed: $(VENV)/build $(SOURCES)
	rm -rf build/wheels
	$(PY) -m maturin build --release --interpreter $(PY) --out build/wheels
	$(PY) -m pip install --quiet --force-reinstall --no-deps build/wheels/rustcam-*.whl
	touch $@
