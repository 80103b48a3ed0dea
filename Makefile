# One word for each thing a contributor does. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := build/.installed
SOURCES := pyproject.toml setup.py $(shell find datasource/connector storlets/kernel/src storlets/kernel/Cargo.* -type f)
SPARKS := 4.0.1 4.1.4 4.3.0
COMPAT_TESTS := tests/test_queries.py tests/test_spark_connect.py tests/faults
WASM := wasm32-unknown-unknown
# The first of these that has the target's library.
WASM_RUSTC = $(firstword $(foreach rustc,rustc /usr/bin/rustc,$(if $(wildcard $(shell $(rustc) --print target-libdir --target $(WASM) 2>/dev/null)/libcore-*.rlib),$(rustc))))
PYTHON_CODE := spark_storlets datasource partitioner docker devstack samples benchmarks storlets tests setup.py

.PHONY: help packages install demo test parity bench bench-engine bench-query bench-r2d2 bench-csvstorlet bench-scan bench-link bench-kernel bench-listing bench-exif bench-wasm bench-publish simulate docs samples lint wheel check-wheel compat clean
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  \1\t\2/' | expand -t 12

packages: ## Install the Debian packages that are missing (as root; else name them and stop)
	@PYTHON=$(PYTHON) sh packages.sh

install: packages $(INSTALLED) ## Make the virtual environment, build the jar and the kernel

$(INSTALLED): $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade 'pip>=24' 'setuptools>=77' wheel pyspark==4.3.0
	$(BIN)/pip install -q --no-build-isolation -e '.[dev]'
	mkdir -p build && touch $@

demo: install ## Query CSV in an embedded Swift cluster with Spark SQL (KEEP=1 leaves the cluster running)
	$(BIN)/python -m samples.demo $(if $(KEEP),--keep)

test: install ## Run the whole test suite
	$(BIN)/python -m pytest -q
	cargo test -q --release --locked --offline --manifest-path storlets/kernel/Cargo.toml --target-dir build/kernel

parity: install ## Compare generated files (CASES=20000) with spark.read.csv; outcome in build/parity.json
	PARITY_CASES=$(or $(CASES),20000) $(BIN)/python -m pytest -q -s tests/parity/test_parity.py

bench: bench-engine bench-query bench-scan bench-link bench-r2d2 bench-csvstorlet bench-kernel bench-listing bench-exif bench-wasm ## Measure everything; each bench-NAME writes build/bench/NAME.json

bench-engine: install ## Measure what a call of a storlet costs beside a plain GET
	$(BIN)/python -m benchmarks.engine

bench-query: install ## Measure queries over CSV in Swift beside spark.read.csv on the local disk
	$(BIN)/python -m benchmarks.query

bench-scan: install build/s3a ## Measure scans of many selectivities beside spark.read.csv and S3A
	$(BIN)/python -m benchmarks.scan

bench-link: install build/s3a ## Measure scans over links of 1 Gb/s and 100 Mb/s beside S3A (as root)
	$(BIN)/python -m benchmarks.link

bench-r2d2: install build/s3a ## Measure four tasks on Spark RDDs, plain and with storlets
	$(BIN)/python -m benchmarks.r2d2

bench-csvstorlet: install build/csvstorlet/csvstorlet.jar ## Measure the CSV storlet beside upstream's in Java
	$(BIN)/pip install -q -e '.[bench]' --no-build-isolation
	$(BIN)/python -m benchmarks.csvstorlet

build/csvstorlet/csvstorlet.jar: benchmarks/Upstream.java
	rm -rf $(@D) && mkdir -p $(@D)/classes
	$(BIN)/pip download -q --no-deps --no-binary :all: -d $(@D) storlets==$$($(BIN)/pip show storlets | sed -n 's/^Version: //p')
	tar xzf $(@D)/storlets-*.tar.gz --strip-components=1 -C $(@D)
	javac -nowarn --release 17 -cp "$$(ls $(VENV)/lib/python3*/site-packages/pyspark/jars/gson-*.jar)" -d $(@D)/classes \
	  $$(find $(@D)/src/java/SCommon/src/main $(@D)/StorletSamples/java/CsvStorlet/src -name '*.java') $<
	jar -c -f $@ -C $(@D)/classes .

build/s3a: benchmarks/s3a.xml
	command -v mvn >/dev/null || { echo "the jars of S3A come by Maven: apt-get install maven" >&2; exit 1; }
	rm -rf build/s3a.part && mvn -q -B -f benchmarks/s3a.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/build/s3a.part
	rm -rf build/s3a && mv build/s3a.part build/s3a

bench-kernel: install ## Measure the CSV storlet beside pyarrow, polars, duckdb and wc on one core
	$(BIN)/pip install -q -e '.[bench]' --no-build-isolation
	$(BIN)/python -m benchmarks.kernel

bench-exif: install ## Measure photos' EXIF data read in the store beside fetching the photos, or their heads
	$(BIN)/python -m benchmarks.exif

bench-wasm: install ## Measure a WebAssembly function in the store beside UDFs of Spark's
	$(BIN)/pip install -q -e '.[bench]' --no-build-isolation
	$(BIN)/python -m benchmarks.wasm

bench-publish: install ## Write docs/benchmarks.md from what the benchmarks have found in build/bench
	$(BIN)/pip install -q -e '.[bench]' --no-build-isolation
	$(BIN)/python -m benchmarks.publish

bench-listing: install ## Measure the listing of a million names beside swiftclient's
	$(BIN)/python -m benchmarks.listing

simulate: install ## Play our plan on a simulated store beside chunks and random replicas (to 1,000 nodes)
	$(BIN)/python -m benchmarks.simulate

docs: install ## Make a site of the documents in build/site
	$(BIN)/pip install -q -e '.[docs]' --no-build-isolation
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build -q

samples: packages ## Build the samples in Rust into build/samples
	for sample in samples/*/Cargo.toml; do cargo build -q --release --manifest-path $$sample --target-dir build/samples || exit 1; done
	if test -n "$(WASM_RUSTC)"; then \
	  $(WASM_RUSTC) --edition 2021 --target $(WASM) --crate-type cdylib -O -C strip=symbols -o build/samples/places.wasm samples/wasm/places.rs; \
	else echo "samples/wasm/places.rs is left out: no Rust for $(WASM) (Debian: libstd-rust-dev-wasm32, lld-14; rustup: target add $(WASM))"; fi

lint: install ## Check types and style (clippy and rustfmt where they are installed)
	$(BIN)/ruff check $(PYTHON_CODE)
	$(BIN)/ruff format --check $(PYTHON_CODE)
	# mypy sees the installed package, not the folders that an editable install joins.
	rm -rf build/typed && $(BIN)/pip install -q --no-deps --no-build-isolation --target build/typed .
	MYPYPATH=build/typed:storlets $(BIN)/mypy -p spark_storlets
	if cargo clippy --version >/dev/null 2>&1; then \
	  cargo clippy -q --offline --manifest-path storlets/kernel/Cargo.toml --target-dir build/kernel -- -D warnings; fi

wheel: install ## Build the source distribution and the wheel into dist/
	rm -rf dist && $(BIN)/python -m build --no-isolation --outdir dist .

check-wheel: install ## Compare two builds' bytes, and do the quick start with the wheel in a new environment
	.ci/check-wheel

compat: wheel ## Run a core set of tests with the same jar on each Spark that is supported (SPARKS="4.0.1 …")
	rm -rf build/compat/tree && mkdir -p build/compat/tree && cp -r tests samples docs pyproject.toml build/compat/tree
	set -e; for version in $(SPARKS); do \
	  test -x build/compat/$$version/bin/pytest || $(PYTHON) -m venv build/compat/$$version; \
	  build/compat/$$version/bin/pip install -q "pyspark[connect]==$$version" pytest tpchgen-cli==4.0.0 "$$(ls dist/*.whl)[devstack]"; \
	  build/compat/$$version/bin/pip install -q --force-reinstall --no-deps dist/*.whl; \
	  (cd build/compat/tree && ../$$version/bin/python -m pytest -q $(COMPAT_TESTS)); \
	done

clean: ## Remove what was built (the devstack in build/ must be down)
	rm -rf build dist $(VENV) spark_storlets/jars storlets/*.so
