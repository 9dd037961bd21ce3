# libmobilenet. `make help` lists the targets; `make deps check` and `make deps demo` are the way in.
#
# Everything made goes to BUILD (build/). Variables that may be given: BUILD, CC, CFLAGS, LDFLAGS, OPTIMIZE,
# BLAS (openblas, none), PREFIX, LIBDIR, INCLUDEDIR, DESTDIR, CIFAR10_DIR, V=1 (show commands).

BUILD ?= build
BLAS ?= openblas

# As many jobs as there are processors, unless -j says otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS := -j$(shell nproc 2>/dev/null || echo 2) $(MAKEFLAGS)
endif

PACKAGES := $(filter deps deps-ci,$(MAKECMDGOALS))
ifneq ($(PACKAGES),)

# Packages first; then a new make for the other goals, which sees what has been installed.
REST := $(filter-out deps deps-ci,$(MAKECMDGOALS))
.PHONY: $(MAKECMDGOALS) packages
$(MAKECMDGOALS): packages
	@:
packages:
	@BLAS=$(BLAS) .ci/deps $(PACKAGES)
	$(if $(REST),@$(MAKE) --no-print-directory $(REST))

else

VERSION_H := include/mobilenet/version.h
version_part = $(shell sed -n 's/^\#define MBN_VERSION_$(1) \([0-9]*\)/\1/p' $(VERSION_H))
MAJOR := $(call version_part,MAJOR)
MINOR := $(call version_part,MINOR)
PATCH := $(call version_part,PATCH)
VERSION := $(MAJOR).$(MINOR).$(PATCH)
# Before 1.0 each minor version may break the ABI, so it is part of the soname.
SOVERSION := $(if $(filter 0,$(MAJOR)),0.$(MINOR),$(MAJOR))

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CC ?= cc
PKG_CONFIG ?= pkg-config
OPTIMIZE ?= -O2 -g
SANITIZE ?=
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wundef

ifeq ($(BLAS),openblas)
BLAS_CFLAGS := -DMBNI_BLAS_OPENBLAS $(shell $(PKG_CONFIG) --cflags openblas 2>/dev/null)
BLAS_LIBS := $(or $(shell $(PKG_CONFIG) --libs openblas 2>/dev/null),-lopenblas)
else ifneq ($(BLAS),none)
$(error BLAS is $(BLAS); allowed are openblas and none)
endif

# No contraction: the generic kernels must give the same bits with every compiler.
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE $(OPTIMIZE) $(WARN) -ffp-contract=off -fPIC -fvisibility=hidden -pthread $(SANITIZE) \
             -Iinclude -Ilib $(BLAS_CFLAGS) $(CPPFLAGS) $(CFLAGS)
KERNEL_FLAGS := -O3
LIBS := -lz $(BLAS_LIBS) -lm -pthread
CHECK_LIBS = $(or $(shell $(PKG_CONFIG) --libs check 2>/dev/null),-lcheck -lsubunit -lrt) -pthread

SOURCES := $(sort $(wildcard lib/*/*.c lib/kernels/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)
STATIC := $(BUILD)/libmobilenet.a
SHARED := $(BUILD)/libmobilenet.so.$(VERSION)
SONAME := libmobilenet.so.$(SOVERSION)
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/*.c))
TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/*/test_*.c)))
TEST_SUPPORT := $(patsubst tests/%.c,$(BUILD)/obj/tests/%.o,$(sort $(wildcard tests/support/*.c)))

Q := $(if $(V),,@)

.PHONY: all lib examples tests clean force
all: lib examples  ## library and examples
lib: $(STATIC) $(SHARED)  ## static and shared library
examples: $(EXAMPLES)
tests: $(TESTS)  ## test programs, not run

# What objects were compiled with, and from which files a library is made: the files change only when the text does.
FLAGS_TEXT := $(CC) $(CFLAGS_ALL) $(KERNEL_FLAGS) $(LDFLAGS)
SOURCES_TEXT := $(SOURCES)
$(BUILD)/flags: TEXT := $(FLAGS_TEXT)
$(BUILD)/sources: TEXT := $(SOURCES_TEXT)
$(BUILD)/flags $(BUILD)/sources: force
	@mkdir -p $(@D); echo '$(TEXT)' | cmp -s - $@ || echo '$(TEXT)' > $@

$(BUILD)/obj/lib/kernels/%.o: OPTIMIZE += $(KERNEL_FLAGS)
$(BUILD)/obj/tests/%.o: CFLAGS_ALL += -Itests

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(STATIC): $(OBJECTS) $(BUILD)/sources
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $(OBJECTS)

$(SHARED): $(OBJECTS) $(BUILD)/sources
	@echo "  LINK    $@"
	$(Q)$(CC) $(OPTIMIZE) $(SANITIZE) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs -Wl,-z,relro,-z,now -Wl,--as-needed \
		-o $@ $(OBJECTS) $(LIBS) $(LDFLAGS)
	$(Q)ln -sf $(notdir $@) $(BUILD)/$(SONAME) && ln -sf $(notdir $@) $(BUILD)/libmobilenet.so

# Examples see what users see: the public headers and the library.
$(BUILD)/examples/%: examples/%.c $(STATIC) $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(OPTIMIZE) $(WARN) $(SANITIZE) -Iinclude $(CFLAGS) -MMD -MP -o $@ $< $(STATIC) $(LIBS) $(LDFLAGS)

# Tests link the static library, and so reach internal functions too.
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(TEST_SUPPORT) $(STATIC)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $< $(TEST_SUPPORT) $(STATIC) $(CHECK_LIBS) $(LIBS) $(LDFLAGS)

# Tests, in three tiers: check while working, check-gates before every push, check-full by hand.
.PHONY: check
check: $(TESTS)  ## the test suite (under 4 minutes)
	@tests/run $(TESTS)

clean:  ## removes BUILD
	rm -rf $(BUILD)

.SECONDARY:
-include $(patsubst %.o,%.d,$(OBJECTS) $(TEST_SUPPORT)) $(addsuffix .d,$(EXAMPLES)) $(TESTS:$(BUILD)/%=$(BUILD)/obj/%.d)

endif
