# libmobilenet. `make help` lists the targets; `make deps check` and `make deps demo` are the way in.
#
# Everything made goes to BUILD (build/). Variables that may be given: BUILD, CC, CFLAGS, LDFLAGS, OPTIMIZE,
# BLAS (openblas, none), IMAGES (yes, no), PREFIX, LIBDIR, INCLUDEDIR, DESTDIR, CIFAR10_DIR, V=1 (show commands).

BUILD ?= build
BLAS ?= openblas
IMAGES ?= yes

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

# PNG and JPEG are read through libraries that are opened when they are needed, not linked; their headers are needed here.
ifeq ($(IMAGES),yes)
have = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo -D$(2) $$($(PKG_CONFIG) --cflags $(1)))
IMAGES_CFLAGS := $(call have,libpng,MBNI_HAVE_PNG) $(call have,libjpeg,MBNI_HAVE_JPEG)
else ifneq ($(IMAGES),no)
$(error IMAGES is $(IMAGES); allowed are yes and no)
endif

# No contraction: the generic kernels must give the same bits with every compiler.
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE $(OPTIMIZE) $(WARN) -ffp-contract=off -fPIC -fvisibility=hidden -pthread $(SANITIZE) \
             -Iinclude -Ilib $(BLAS_CFLAGS) $(IMAGES_CFLAGS) $(CPPFLAGS) $(CFLAGS)
# No kernel looks at floating point exceptions or errno; without these flags selects and square roots are not vectorized.
KERNEL_FLAGS := -O3 -fno-trapping-math -fno-math-errno
SMALL_FLAGS := -Os
LIBS := -lz $(BLAS_LIBS) -lm -pthread $(if $(IMAGES_CFLAGS),-ldl)
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
.DELETE_ON_ERROR:
all: lib examples  ## library and examples
lib: $(STATIC) $(SHARED)  ## static and shared library
examples: $(EXAMPLES)
tests: $(TESTS)  ## test programs, not run

# What objects were compiled with, and from which files a library is made: the files change only when the text does.
FLAGS_TEXT := $(CC) $(CFLAGS_ALL) $(KERNEL_FLAGS) $(SMALL_FLAGS) $(LDFLAGS)
SOURCES_TEXT := $(SOURCES)
$(BUILD)/flags: TEXT := $(FLAGS_TEXT)
$(BUILD)/sources: TEXT := $(SOURCES_TEXT)
$(BUILD)/flags $(BUILD)/sources: force
	@mkdir -p $(@D); echo '$(TEXT)' | cmp -s - $@ || echo '$(TEXT)' > $@

$(BUILD)/obj/lib/kernels/%.o: OPTIMIZE += $(KERNEL_FLAGS)
# Packing is loops over all weights, too, and resizing over all pixels.
$(BUILD)/obj/lib/predict/pack.o $(BUILD)/obj/lib/data/resize.o: OPTIMIZE += $(KERNEL_FLAGS)
# What runs once a call, once a batch or once a file is made small, since the library has to stay below 1 MB; but for the
# loops over pixels.
SMALL := $(filter $(foreach room,api core data model train,$(BUILD)/obj/lib/$(room)/%),$(OBJECTS))
$(filter-out $(BUILD)/obj/lib/data/augment% %/resize.o %/image.o,$(SMALL)): OPTIMIZE += $(SMALL_FLAGS)
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
	$(LINK_AS_USER)
define LINK_AS_USER
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(OPTIMIZE) $(WARN) $(SANITIZE) -Iinclude $(CFLAGS) -MMD -MP -o $@ $< $(STATIC) $(LIBS) $(LDFLAGS)
endef

# Tests write JPEG files with libjpeg, where it is.
$(BUILD)/tests/data/test_image $(BUILD)/tests/data/test_directory: LDFLAGS += $(if $(findstring JPEG,$(IMAGES_CFLAGS)),-ljpeg)

# Tests link the static library, and so reach internal functions too.
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(TEST_SUPPORT) $(STATIC)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $< $(TEST_SUPPORT) $(STATIC) $(CHECK_LIBS) $(LIBS) $(LDFLAGS)

# Tests, in three tiers: check while working, check-gates before every push, check-full by hand.
.PHONY: check check-gates check-full check-sanitize check-valgrind check-clang check-noblas check-abi check-ffi \
        check-acceptance check-readme check-oracle lint docs size fuzz
check: $(TESTS)  ## the test suite (under 4 minutes)
	@tests/run $(TESTS)

GATES := lint check-abi check-ffi check-oracle check-acceptance check-readme check-noblas check-amalgamation check-arm \
	check-sanitize check-threads check-valgrind docs demo-small bench-small
check-gates:  ## everything else that must hold before a push: lint, sanitizers, ABI, FFI, acceptance, ...
	@tests/gates $(GATES)

check-full: examples check-avx512  ## hours: an hour of fuzzing, the CIFAR-10 protocol full and shallow (into BUILD/full)
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=3600
	@BUILD=$(BUILD) tests/acceptance/protocol.sh

# The whole suite under clang's AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer. CK_FORK=no keeps each
# program one process, so that what a test leaks is still there to be found at its end.
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
check-sanitize:  ## the test suite under ASan, LSan and UBSan
	@CK_FORK=no ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
		$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitize CC=clang CFLAGS=-Werror OPTIMIZE='-O1 -g' SANITIZE='$(SANITIZERS)' check

# What runs on several threads, under ThreadSanitizer. OpenBLAS is not built for it.
THREAD_TESTS := tests/predict/test_threads tests/core/test_pool tests/layers/test_threads tests/data/test_directory tests/data/test_augment_batch tests/train/test_feeding
.PHONY: check-threads
check-threads:  ## predictors, the pool, layers and readers of data under clang's ThreadSanitizer
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/threads BLAS=none CC=clang CFLAGS=-Werror OPTIMIZE='-O1 -g' \
		SANITIZE=-fsanitize=thread $(THREAD_TESTS:%=$(BUILD)/threads/%)
	@CK_FORK=no tests/run $(THREAD_TESTS:%=$(BUILD)/threads/%)

check-valgrind: $(TESTS)  ## the test suite under valgrind
	@tests/valgrind $(TESTS)

# The tests that look at arithmetic: the others ask nothing of the processor, and an emulator is slow.
.PHONY: check-arm
check-arm:  ## the tests of kernels, layers and the training step built for 64-bit Arm, under qemu
	@BUILD=$(BUILD) MAKE='$(MAKE)' tests/cross/arm.sh $(filter tests/core/% tests/kernels/% tests/layers/% \
		tests/train/test_step tests/train/test_against_pytorch,$(TESTS:$(BUILD)/%=%))

.PHONY: check-avx512
check-avx512:  ## the kernel tests on AVX-512 alone, emulated (15 minutes) where the processor has none
	@BUILD=$(BUILD) MAKE='$(MAKE)' tests/cross/avx512.sh $(patsubst $(BUILD)/%,%,$(filter $(BUILD)/tests/kernels/%,$(TESTS)))

.PHONY: amalgamation check-amalgamation
amalgamation:  ## the library as two files, BUILD/amalgamation/mobilenet.c and mobilenet.h
	@tests/amalgamation/amalgamate.py $(BUILD)/amalgamation

check-amalgamation:  ## the amalgamation compiles with gcc and clang and gives the library's bits
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/noblas BLAS=none IMAGES=no CFLAGS=-Werror $(BUILD)/noblas/libmobilenet.a amalgamation
	@BUILD=$(BUILD)/noblas tests/amalgamation/run.sh

check-noblas:  ## the test suite on the library's own matrix product and without PNG and JPEG, gcc, warnings as errors
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/noblas BLAS=none IMAGES=no CFLAGS=-Werror all check

# Coverage-guided fuzzing of the readers by clang's libFuzzer, from the golden files on; crashes stay in BUILD/fuzz.
FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
fuzz:  ## feeds damaged files to the readers for FUZZ_SECONDS (60) each
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz BLAS=none CC=clang OPTIMIZE='-O1 -g' \
		SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' $(BUILD)/fuzz/libmobilenet.a
	@for f in $(FUZZERS); do \
		clang -std=c11 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iinclude -Ilib tests/fuzz/$$f.c \
			$(BUILD)/fuzz/libmobilenet.a -lz -lm -pthread $(if $(IMAGES_CFLAGS),-ldl) -o $(BUILD)/fuzz/$$f && \
		mkdir -p $(BUILD)/fuzz/corpus/$$f && cp $$([ $$f = fuzz_image ] && echo tests/data/golden/* || echo tests/io/golden/*) $(BUILD)/fuzz/corpus/$$f && \
		$(BUILD)/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2000 -timeout=20 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/fuzz/$$f- -verbosity=0 $(BUILD)/fuzz/corpus/$$f || exit 1; done

check-abi: lib  ## exported symbols, headers alone in C11 and C++17, option structs of other ages, size
	@BUILD=$(BUILD) CC='$(CC)' tests/abi/run.sh

check-ffi: lib  ## the Python binding of examples/python over the shared library
	@MBN_LIBRARY=$(abspath $(SHARED)) tests/ffi/run.sh

# FETCH_ORT=1 lets it fetch ONNX Runtime through npm; so does CI=true.
ORACLE := $(BUILD)/tests/oracle/ort_run $(BUILD)/tests/oracle/vww
$(BUILD)/tests/oracle/ort_run: LIBS += -ldl
check-oracle: lib $(ORACLE)  ## predictors against ONNX Runtime and float64, on photographs of ../shared
	@MBN_LIBRARY=$(abspath $(SHARED)) tests/oracle/run.sh $(BUILD)

check-acceptance: lib  ## a staged install, and programs built against it with pkg-config
	@BUILD=$(BUILD) MAKE='$(MAKE)' CC='$(CC)' tests/acceptance/run.sh

check-readme: lib $(BUILD)/examples/summary  ## the program and the commands of README.md
	@BUILD=$(BUILD) CC='$(CC)' tests/acceptance/readme.sh

lint:  ## format, head comments, arrows between rooms, static analysis
	@tests/lint/run.sh

docs:  ## the API reference, in BUILD/docs/html; an undocumented public symbol is an error
	@BUILD=$(BUILD) VERSION=$(VERSION) tests/lint/docs.sh

size: lib  ## bytes of the shared library, as built and stripped
	@tests/abi/size.sh $(SHARED)

# Kernels are timed with the static library's internals. libxsmm is one of the peers when a program with it links.
BENCH := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/bench/*.c))
PEERS := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out tests/bench/peers/infer_%,$(wildcard tests/bench/peers/*.c)) \
	tests/bench/report.c tests/bench/limits.c)
XSMM_LIBS = $(if $(shell tests/bench/peers/have_libxsmm.sh '$(CC)'),-lxsmm -lxsmmnoblas)
$(BUILD)/obj/tests/bench/%.o: CFLAGS_ALL += -Iexamples
$(BUILD)/obj/tests/bench/peers/%.o: CFLAGS_ALL += $(if $(XSMM_LIBS),-DPEERS_LIBXSMM)
$(BUILD)/tests/bench/kernels: $(BENCH) $(STATIC)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(LIBS) $(LDFLAGS)
$(BUILD)/tests/bench/products: $(PEERS) $(STATIC)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(XSMM_LIBS) $(LIBS) -ldl $(LDFLAGS)

.PHONY: bench bench-peers bench-small
bench: $(BUILD)/tests/bench/kernels  ## each kernel family and instruction set: time beside its floor
	@$<

# For ONNX Runtime run this in BUILD/peers, or let ORT_LIBRARY name the shared library:
#   npm pack onnxruntime-node@1.30.0 && tar xzf onnxruntime-node-1.30.0.tgz
# XNNPACK_PREFIX and NCNN_PREFIX name folders with include/ and lib/ of builds of your own.
bench-peers: $(BUILD)/examples/benchmark $(BUILD)/tests/bench/products  ## against PyTorch, libxsmm, OpenBLAS and, at inference, ONNX Runtime, oneDNN, XNNPACK, ncnn
	@CC='$(CC)' tests/bench/peers.sh $(BUILD)

bench-small: $(BUILD)/examples/benchmark $(BUILD)/tests/bench/kernels $(BUILD)/tests/bench/products  ## every benchmark once, tiny
	@tests/bench/small.sh $(BUILD)

# CIFAR-10 where it can be had, else pictures that the library draws.
.PHONY: demo demo-small
demo: $(BUILD)/examples/demo  ## trains MobileNet V1 and shows the result, in about two minutes
	@data=$$(examples/cifar10.sh) && $(BUILD)/examples/demo $${data:+--data "$$data"}

demo-small: $(BUILD)/examples/demo  ## the same on few pictures, in seconds
	@$(BUILD)/examples/demo --small

.PHONY: install uninstall
install: lib  ## libraries, headers and libmobilenet.pc below PREFIX (/usr/local); DESTDIR stages it
	install -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)/mobilenet'
	install -m 644 include/mobilenet/*.h '$(DESTDIR)$(INCLUDEDIR)/mobilenet'
	install -m 644 $(STATIC) '$(DESTDIR)$(LIBDIR)'
	install -m 755 $(SHARED) '$(DESTDIR)$(LIBDIR)'
	ln -sf $(notdir $(SHARED)) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libmobilenet.so'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@BLAS_LIBS@|$(strip $(BLAS_LIBS))|' \
		-e 's|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))|' \
		-e 's|@INCLUDEDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))|' \
		pkgconfig/libmobilenet.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/libmobilenet.pc'

uninstall:  ## removes what install put there
	rm -f $(foreach header,$(notdir $(wildcard include/mobilenet/*.h)),'$(DESTDIR)$(INCLUDEDIR)/mobilenet/$(header)')
	rm -f $(foreach file,$(notdir $(STATIC) $(SHARED)) $(SONAME) libmobilenet.so pkgconfig/libmobilenet.pc,'$(DESTDIR)$(LIBDIR)/$(file)')
	-rmdir '$(DESTDIR)$(INCLUDEDIR)/mobilenet'

.PHONY: deps deps-ci help
# deps: ## installs what building and testing need (Debian, Ubuntu)
# deps-ci: ## installs the analysers that check-gates runs
help:  ## this list
	@sed -n 's/^\(# \)\{0,1\}\([a-z-]*\):.*## \(.*\)/  make \2|\3/p' Makefile | awk -F'|' '{printf "%-24s %s\n", $$1, $$2}'

clean:  ## removes BUILD
	rm -rf $(BUILD)

.SECONDARY:
-include $(patsubst %.o,%.d,$(OBJECTS) $(TEST_SUPPORT) $(BENCH) $(PEERS)) $(addsuffix .d,$(EXAMPLES)) $(patsubst $(BUILD)/%,$(BUILD)/obj/%.d,$(TESTS) $(ORACLE))

endif
