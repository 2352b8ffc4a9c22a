# A thin front for meson, so that the usual words work. `make help` lists them.
T ?=
F ?= json
TIME ?= 60
SECONDS ?= 600
B ?=
ARGS ?=
PREFIX ?= /usr/local
BUILD = build
# What a target prints on stdout is its own output only; set-up and build talk on stderr.
QUIET = >&2

.PHONY: all setup-build demo test check asan tsan fuzz soak bench cover fmt install deb clean help

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(QUIET)

setup-build:
	@tools/setup build

$(BUILD)/build.ninja: | setup-build
	@meson setup $(BUILD) --prefix $(PREFIX) $(QUIET)

demo:
	@tools/setup demo
	@$(MAKE) --no-print-directory all
	@$(BUILD)/treadle demo $(ARGS)

test:
	@tools/setup test
	@$(MAKE) --no-print-directory all
	@tools/run-tests $(BUILD) $(T)

check:
	@tools/setup check $(QUIET)
	@tools/check

asan tsan:
	@tools/setup check test
	@tools/sanitize $@ $(T)

fuzz:
	@tools/setup check
	@tools/fuzz $(F) $(TIME)

soak:
	@tools/setup test
	@$(MAKE) --no-print-directory all
	@TREADLE_BIN=$(BUILD)/treadle TREADLE_CLOCK_LIBRARY=$(CURDIR)/$(BUILD)/tests/e2e/libtest_clock.so \
	  $(BUILD)/tests/load/soak $(SECONDS) $(ARGS)

bench:
	@tools/setup demo test
	@$(MAKE) --no-print-directory all
	@$(BUILD)/treadle bench $(B) $(ARGS)

cover:
	@tools/setup test
	@tools/cover

fmt:
	@tools/setup check
	@find include src tests bench -name node_modules -prune -o -name '*.[ch]' -print0 | xargs -0 clang-format -i

install: all
	@meson install -C $(BUILD) --no-rebuild $(QUIET)

deb: all
	@tools/setup build $(QUIET)
	@packaging/deb $(BUILD)

clean:
	@rm -rf $(BUILD) build-*

help:
	@printf '%s\n' \
	  'make                 build into build/' \
	  'make demo            one turn of the wheel on real ratings  [ARGS="--once --json"]' \
	  'make test            all tests  [T=layer or T=layer/file]' \
	  'make check           format, layers, headers, exports, analysers, both compilers; silent' \
	  'make asan, make tsan unit tests under sanitizers  [T=]' \
	  'make fuzz            one fuzzer  [F=json TIME=60]; F=all for each in turn' \
	  'make soak            load and faults for a while; the last line sums up  [SECONDS=600] [ARGS=SEED]' \
	  'make bench           benchmarks  [B=ingest] [ARGS=--json]' \
	  'make cover           line coverage of the unit tests' \
	  'make deb             a Debian package in build/; it says where' \
	  'make fmt, make install [PREFIX=], make clean'
