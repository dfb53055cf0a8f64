# `make help` lists what can be made.

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# Grows when the ABI breaks, which is not the same as when the version does.
SOVERSION := 0

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CFLAGS ?= -O2 -g
# One of those that `make servers` asks, or all.
SERVERS ?= all
# How many inputs `make fuzz` tries for each part of the library that reads what others send.
INPUTS ?= 1000000
# What `make mutations` tries: those whose description holds this, or all.
MUTATIONS ?= all

SHARED := libifetch.so.$(VERSION)
LIBRARIES := build/libifetch.a build/$(SHARED)
EXAMPLES := $(patsubst examples-c/%.c,build/examples/%,$(wildcard examples-c/*.c))

pkgconfigdir = $(DESTDIR)$(LIBDIR)/pkgconfig
cmakedir = $(DESTDIR)$(LIBDIR)/cmake/ifetch

all: $(LIBRARIES)

$(LIBRARIES) &: Cargo.toml Cargo.lock $(shell find src -name '*.rs') \
		packaging/build-libs.sh packaging/exports.txt packaging/libifetch.map
	packaging/build-libs.sh build $(VERSION) $(SOVERSION)

examples: $(EXAMPLES)

build/examples/%: examples-c/%.c include/ifetch.h build/libifetch.a
	@mkdir -p $(@D)
	$(CC) -std=c11 -Wall -Wextra -Wpedantic -Werror $(CFLAGS) -Iinclude $< \
		build/libifetch.a -pthread -lm -ldl -o $@

demo: examples
	examples-c/demo.sh

test: all examples
	packaging/setup.sh
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --no-fail-fast
	cargo clippy --locked --no-default-features --lib --test plain --target-dir target/plain \
		-- -D warnings
	cargo test --locked --no-default-features --test plain --target-dir target/plain
	RUSTFLAGS="--cfg loom" cargo test --locked --lib model --target-dir target/loom
	RUSTFLAGS="--cfg simulated" cargo clippy --locked --lib --profile test \
		--target-dir target/simulation -- -D warnings
	$(MAKE) simulate

# Worlds that follow from a number each: SEEDS=1000000 runs so many, SEED=17 one, with its story.
simulate:
	RUSTFLAGS="--cfg simulated" $(foreach v,SEED SEEDS TRACE PARTS,$(if $($v),$v=$($v))) \
		cargo test --locked --profile simulation --lib --target-dir target/simulation \
		simulation -- --nocapture

# The inputs that `make test` tries 20,000 of; INPUT=17 tries one. A twentieth as many over sockets.
fuzz:
	INPUTS=$(INPUTS) $(if $(INPUT),INPUT=$(INPUT)) \
		cargo test --locked --profile simulation --lib --test responses \
		--target-dir target/fuzz fuzz -- --nocapture

mutations:
	MUTATIONS='$(MUTATIONS)' cargo test --locked --test mutations -- --nocapture

# The tests of https with the other cryptographic library below, which takes minutes to compile.
aws-lc:
	packaging/setup.sh
	cargo test --locked --features aws-lc --test tls --test tls_peers --test tls_servers \
		--target-dir target/aws-lc

servers:
	packaging/setup.sh servers
	SERVERS='$(SERVERS)' cargo test --locked --test servers handlers -- --nocapture

bench: all
	packaging/setup.sh
	benches/run.sh

FILL = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	-e 's|@VERSION_MAJOR@|$(firstword $(subst ., ,$(VERSION)))|' -e 's|@SOVERSION@|$(SOVERSION)|' \
	-e "s|@INCLUDEDIR_FROM_HERE@|$$(realpath -ms --relative-to=$(LIBDIR)/cmake/ifetch $(INCLUDEDIR))|"

install: all
	install -d $(DESTDIR)$(INCLUDEDIR) $(pkgconfigdir) $(cmakedir)
	install -m 644 include/ifetch.h $(DESTDIR)$(INCLUDEDIR)
	install -m 644 build/libifetch.a $(DESTDIR)$(LIBDIR)
	install -m 755 build/$(SHARED) $(DESTDIR)$(LIBDIR)
	ln -sf $(SHARED) $(DESTDIR)$(LIBDIR)/libifetch.so.$(SOVERSION)
	ln -sf libifetch.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libifetch.so
	@$(FILL) packaging/ifetch.pc.in > $(pkgconfigdir)/ifetch.pc
	@$(FILL) packaging/ifetch-config.cmake.in > $(cmakedir)/ifetch-config.cmake
	@$(FILL) packaging/ifetch-config-version.cmake.in > $(cmakedir)/ifetch-config-version.cmake
	@[ -n "$(DESTDIR)" ] || [ $$(id -u) -ne 0 ] || ldconfig

uninstall:
	rm -f $(DESTDIR)$(INCLUDEDIR)/ifetch.h $(pkgconfigdir)/ifetch.pc
	rm -f $(DESTDIR)$(LIBDIR)/libifetch.a $(DESTDIR)$(LIBDIR)/libifetch.so*
	rm -rf $(cmakedir)
	@[ -n "$(DESTDIR)" ] || [ $$(id -u) -ne 0 ] || ldconfig

fmt:
	cargo fmt

clean:
	cargo clean
	rm -rf build

help:
	@echo 'make             the C libraries, in build/'
	@echo 'make install     with DESTDIR, PREFIX, LIBDIR, INCLUDEDIR; uninstall takes it back'
	@echo 'make demo        fetches from a slow server, interrupts, and shows both sides'
	@echo 'make test        everything that is checked; installs the Debian packages it lacks'
	@echo 'make servers     which servers notice a cancel; SERVERS=Node asks one; prints a table'
	@echo 'make simulate    worlds of made-up networks; SEEDS=1000000 of them, or SEED=17 with its story'
	@echo 'make fuzz        what others send, changed by chance; INPUTS=10000000 of each, or INPUT=17'
	@echo 'make aws-lc      the tests of https with post-quantum key exchange'
	@echo 'make mutations   what the simulation catches: each in turn, with the first world that does'
	@echo 'make bench       against libcurl and a raw epoll client; prints a table of ratios'
	@echo 'make examples    examples-c, in build/examples/'
	@echo 'make fmt, make clean'

.PHONY: all examples demo test simulate fuzz mutations aws-lc servers bench install uninstall fmt clean help
.DELETE_ON_ERROR:
