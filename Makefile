# libmobilenet. The targets users need: deps demo check install. `make help` lists all.

VERSION_H := include/mobilenet/version.h
version_part = $(shell sed -n 's/^\#define MBN_VERSION_$(1) \([0-9]*\)/\1/p' $(VERSION_H))
MAJOR := $(call version_part,MAJOR)
MINOR := $(call version_part,MINOR)
PATCH := $(call version_part,PATCH)
VERSION := $(MAJOR).$(MINOR).$(PATCH)
# Before 1.0 each minor version may break the ABI, so it is part of the soname.
ifeq ($(MAJOR),0)
SOVERSION := 0.$(MINOR)
else
SOVERSION := $(MAJOR)
endif

BUILD ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BLAS ?= openblas
CC ?= cc
PKG_CONFIG ?= pkg-config
OPTIMIZE ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wundef
SANITIZE ?=
# No contraction: the generic kernels must give the same bits with every compiler.
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE $(OPTIMIZE) $(WARN) -ffp-contract=off -fPIC -fvisibility=hidden -pthread $(SANITIZE) \
             -Iinclude -Ilib $(BLAS_CFLAGS) $(CFLAGS)
KERNEL_FLAGS := -O3

ifeq ($(BLAS),openblas)
BLAS_CFLAGS := -DMBNI_BLAS_OPENBLAS $(shell $(PKG_CONFIG) --cflags openblas 2>/dev/null)
BLAS_LIBS := $(or $(shell $(PKG_CONFIG) --libs openblas 2>/dev/null),-lopenblas)
else ifeq ($(BLAS),none)
BLAS_CFLAGS :=
BLAS_LIBS :=
else
$(error BLAS is $(BLAS); allowed are openblas and none)
endif
LIBS := -lz $(BLAS_LIBS) -lm -pthread

SOURCES := $(sort $(wildcard lib/*/*.c lib/kernels/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)
STATIC := $(BUILD)/libmobilenet.a
SHARED := $(BUILD)/libmobilenet.so.$(VERSION)
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/*.c))
TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/*/test_*.c)))
TEST_SUPPORT := $(patsubst tests/%.c,$(BUILD)/obj/tests/%.o,$(sort $(wildcard tests/support/*.c)))
CHECK_LIBS = $(or $(shell $(PKG_CONFIG) --libs check 2>/dev/null),-lcheck) -pthread

Q := $(if $(V),,@)

.PHONY: all lib examples check clean
all: lib examples
lib: $(STATIC) $(SHARED)
examples: $(EXAMPLES)

$(BUILD)/obj/lib/kernels/%.o: OPTIMIZE += $(KERNEL_FLAGS)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(STATIC): $(OBJECTS)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $(OBJECTS)

$(SHARED): $(OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE) -shared -Wl,-soname,libmobilenet.so.$(SOVERSION) -Wl,-z,defs -Wl,--as-needed -o $@ $(OBJECTS) $(LIBS) $(LDFLAGS)
	$(Q)ln -sf $(notdir $@) $(BUILD)/libmobilenet.so.$(SOVERSION) && ln -sf $(notdir $@) $(BUILD)/libmobilenet.so

# Examples see what users see: the public headers and the library.
$(BUILD)/examples/%: examples/%.c $(STATIC)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(OPTIMIZE) $(WARN) $(SANITIZE) -Iinclude -MMD -MP -o $@ $< $(STATIC) $(LIBS) $(LDFLAGS)

# Tests link the static library, and so reach internal functions too.
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(TEST_SUPPORT) $(STATIC)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $< $(TEST_SUPPORT) $(STATIC) $(CHECK_LIBS) $(LIBS) $(LDFLAGS)
$(BUILD)/obj/tests/%.o: CFLAGS_ALL += -Itests

check: $(TESTS)
	@failed=; for t in $(TESTS); do $$t || failed="$$failed $$t"; done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

clean:
	rm -rf $(BUILD)

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
