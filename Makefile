# SPDX-License-Identifier: Apache-2.0
# Hyperscale. `make help` lists the targets, `make` builds the two programs, `make V=1` shows the commands.
.DEFAULT_GOAL := all
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = @$(if $(filter 1,$(V)),:,printf '  %-5s %s\n' $(1) $(2))

# ---- Variants: VARIANT=asan builds in build/asan; the default one builds in build. BUILD, CC, OPT, SANITIZE override.
VARIANT ?= release
ifeq ($(origin CC),default)
CC := $(if $(filter clang fuzz,$(VARIANT)),clang,gcc)
endif
BUILD ?= $(if $(filter release,$(VARIANT)),build,build/$(VARIANT))
OPT.asan     := -O1 -g
OPT.tsan     := -O1 -g
OPT.fuzz     := -O1 -g
OPT.analyze  := -O1 -g -fanalyzer
OPT ?= $(or $(OPT.$(VARIANT)),-O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
SANITIZE.asan := -fsanitize=address,undefined -fno-sanitize-recover
SANITIZE.tsan := -fsanitize=thread
SANITIZE.fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
SANITIZE ?= $(SANITIZE.$(VARIANT))

# ---- Flags.
IS_CLANG := $(findstring clang,$(CC))
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wwrite-strings \
        -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wredundant-decls -Wformat=2 -Wundef -Wvla \
        -Wswitch-enum -Wimplicit-fallthrough -Wdouble-promotion -Wpointer-arith -Wnull-dereference -Werror
GCC_WARN := -Wcast-align=strict -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Warith-conversion -Wno-format-truncation
# gcc takes the red zones between members for ends of objects.
GCC_WARN += $(if $(SANITIZE),-Wno-stringop-overread -Wno-stringop-overflow)
CLANG_WARN := -Wcast-align -Wcomma -Wmissing-variable-declarations -Wunreachable-code
HARDEN := -fstack-protector-strong -fPIE -ftrivial-auto-var-init=zero \
          $(if $(IS_CLANG),-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang) \
          $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
CFLAGS_ALL := -std=c11 -D_GNU_SOURCE -I. -I$(BUILD) $(WARN) $(if $(IS_CLANG),$(CLANG_WARN),$(GCC_WARN)) $(HARDEN) -fno-common \
              -fno-strict-aliasing -fno-omit-frame-pointer -ffunction-sections -fdata-sections $(OPT) $(SANITIZE) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections,--as-needed $(if $(SANITIZE),,-Wl,-z,defs) \
               $(SANITIZE) $(LDFLAGS)
LIBS := -luring -lssl -lcrypto -ljansson -lresolv -lm

# ---- Sources. The library is everything below the programs; a folder joins by having a .c file.
LIB_DIRS := shm/base shm ipc roles $(addprefix roles/,cluster guard stats plan protocol gate manager worker engine console resolver)
objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(addsuffix /*.c,$(1))))
LIB_OBJ := $(call objects,$(LIB_DIRS))
SUPERVISOR_OBJ := $(call objects,supervisor)
CLIENT_OBJ := $(call objects,roles/client)
SUPERVISOR_MAIN := $(filter %/supervisor/main.o,$(SUPERVISOR_OBJ))
CLIENT_MAIN := $(filter %/roles/client/hyperscale.o,$(CLIENT_OBJ))
LIB := $(BUILD)/libhyperscale.a
# Archives, so that a test links only what it names; the mains stay out.
TEST_LIBS := $(BUILD)/libclient.a $(BUILD)/libsupervisor.a $(LIB)
PROGRAMS := $(if $(SUPERVISOR_MAIN),$(BUILD)/hyperscaled) $(if $(CLIENT_MAIN),$(BUILD)/hyperscale)

UNIT_OBJ := $(call objects,tests/unit)
# tests/sim/sim_*.c stand in for the kernel side of ipc; every other file there is a program. So is every file of the other
# folders. A line `// libs: -lck` or `// wraps: malloc write` in a program's source adds to its link.
SIM_OBJ := $(call objects,tests/sim)
SIM_SUPPORT := $(filter $(BUILD)/tests/sim/sim_%,$(SIM_OBJ))
SIM_LIB_OBJ := $(filter-out $(BUILD)/ipc/loop%_io.o,$(LIB_OBJ))
FAULT_OBJ := $(call objects,tests/fault)
FUZZ_OBJ := $(call objects,tests/fuzz)
SYSTEM_OBJ := $(call objects,tests/system)
BENCH_OBJ := $(call objects,tests/bench)
TEST_OBJ := $(UNIT_OBJ) $(SIM_OBJ) $(FAULT_OBJ) $(FUZZ_OBJ) $(SYSTEM_OBJ) $(BENCH_OBJ)
SIM_PROGRAMS := $(patsubst %.o,%,$(filter-out $(SIM_SUPPORT),$(SIM_OBJ)))
FAULT_PROGRAMS := $(FAULT_OBJ:.o=)
FUZZ_PROGRAMS := $(FUZZ_OBJ:.o=)
SYSTEM_PROGRAMS := $(SYSTEM_OBJ:.o=)
BENCH_PROGRAMS := $(BENCH_OBJ:.o=)
SOURCES := $(wildcard $(addsuffix /*.[ch],$(LIB_DIRS) supervisor roles/client tests tests/*))
HEADER_OBJ := $(patsubst %,$(BUILD)/%.o,$(filter %.h,$(SOURCES)))

.PHONY: FORCE all help run test check unit check-asan check-tsan sim fault headers programs bench lint analyze fuzz \
        fuzz-programs soak format install uninstall deb clean
.SECONDARY:
.DELETE_ON_ERROR:

all: ## the two programs: build/hyperscaled and build/hyperscale
all: $(LIB) $(PROGRAMS) $(filter-out $(BUILD)/tests/%,$(HEADER_OBJ))

help: ## this list
	@sed -n 's/^\([a-z-]*\): ## /\1\t/p' Makefile | while IFS='	' read -r t h; do printf '  make %-12s %s\n' "$$t" "$$h"; done

run: ## install what is missing, build, run a real load test against the built-in target
	@tests/setup run
	+$(Q)$(MAKE) --no-print-directory all
	@HS_BUILD=$(BUILD) tests/with_proc tests/system/demo.sh

test: ## install what is missing, then every check of the project (at most 25 minutes on 2 cores)
	@tests/setup test
	+@MAKE="$(MAKE)" tests/with_proc tests/all

check: ## the quick part: headers, unit, sim, fault, lint
check: all headers unit sim fault lint

# ---- Rules.
# A change of flags rebuilds: the stamp is rewritten only when its text changes.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LIBS)' | cmp -s - $@ || printf '%s\n' '$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LIBS)' > $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

archive = $(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
$(LIB): $(LIB_OBJ)
	$(archive)
$(BUILD)/libsupervisor.a: $(filter-out $(SUPERVISOR_MAIN),$(SUPERVISOR_OBJ))
	$(archive)
$(BUILD)/libclient.a: $(filter-out $(CLIENT_MAIN),$(CLIENT_OBJ))
	$(archive)

source = $(patsubst $(BUILD)/%,%.c,$@)
directive = $(shell sed -n 's|^// $(1): ||p' $(wildcard $(source)))
define link
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $(patsubst %,-Wl$(comma)--wrap=%,$(call directive,wraps)) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(1) $(LIBS)
endef
comma := ,
$(BUILD)/hyperscaled: $(SUPERVISOR_OBJ) $(LIB)
	$(call link)
$(BUILD)/hyperscale: $(CLIENT_OBJ) $(LIB)
	$(call link)
# The list of suites is the list of files, so that no test can be forgotten.
SUITES = $(sort $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c)))
SUITES_TEXT = \#define HS_UNIT_SUITES(X) $(patsubst %,X(%),$(SUITES))
$(BUILD)/suites.inc: FORCE
	@mkdir -p $(@D)
	@echo '$(SUITES_TEXT)' | cmp -s - $@ || echo '$(SUITES_TEXT)' > $@
$(UNIT_OBJ) $(BUILD)/tests/unit/suites.h.o: $(BUILD)/suites.inc
$(BUILD)/unit: $(UNIT_OBJ) $(TEST_LIBS)
	$(call link,-lcunit)
$(SIM_PROGRAMS): %: %.o $(SIM_SUPPORT) $(SIM_LIB_OBJ)
	$(call link,-lcunit $(call directive,libs))
$(FUZZ_PROGRAMS): %: %.o $(TEST_LIBS)
	$(call link,-fsanitize=fuzzer $(call directive,libs))
$(FAULT_PROGRAMS): %: %.o $(TEST_LIBS)
	$(call link,-lcunit $(call directive,libs))
$(SYSTEM_PROGRAMS) $(BENCH_PROGRAMS): %: %.o $(TEST_LIBS)
	$(call link,$(call directive,libs))
# The daemon with an engine that records no statistics, for the benchmark of what they cost: the sources that record, compiled
# with another header in front.
UNCOUNTED_OBJ := $(addprefix $(BUILD)/tests/bench/uncounted/,exchange_io.o run_io.o)
$(UNCOUNTED_OBJ): $(BUILD)/tests/bench/uncounted/%.o: roles/engine/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,"$< uncounted")
	$(Q)$(CC) -Itests/bench/uncounted $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/tests/bench/hyperscaled_uncounted: $(SUPERVISOR_OBJ) $(UNCOUNTED_OBJ) $(LIB)
	$(call link)

# Every header compiles alone, and twice.
$(BUILD)/%.h.o: %.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)printf '#include "%s"\n#include "%s"\ntypedef int hs_alone;\n' $< $< | \
	    $(CC) $(CFLAGS_ALL) -MMD -MP -MF $(@:.o=.d) -MT $@ -x c -c -o $@ -

headers: ## every header compiles alone
headers: $(HEADER_OBJ)
	@echo "$(words $(HEADER_OBJ)) passed, 0 failed"

# ---- Tests: each target ends with "N passed, N failed".
unit: ## unit tests; `build/unit NAME...` runs only those suites
unit: $(BUILD)/unit
	$(Q)$(BUILD)/unit

check-asan: ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	+$(Q)$(MAKE) --no-print-directory VARIANT=asan unit

# Not those that hold the machine to its times, count its memory, or shoot at the supervisor.
SANITIZED_SYSTEM := 100_ 101_ 200_ 300_ 310_ 315_ 340_ 400_ 405_ 407_
system-asan: ## real processes under the same, without seccomp
	+$(Q)$(MAKE) --no-print-directory VARIANT=asan system-programs
	$(Q)HS_BUILD=build/asan tests/system/run $(SANITIZED_SYSTEM)

# TSan sees threads on one mapping, so it is for the suites of shm/, and of the pages that engines write (figures).
TSAN_SUITES = $(patsubst tests/unit/test_%.c,%,$(wildcard $(patsubst shm/%.h,tests/unit/test_%*.c,$(wildcard shm/*.h))))
check-tsan: ## tests of shared memory under ThreadSanitizer
	+$(Q)$(MAKE) --no-print-directory VARIANT=tsan build/tsan/unit
	$(Q)build/tsan/unit $(TSAN_SUITES) figures

sim: ## whole clusters in one process, virtual clock, seeded faults
sim: $(SIM_PROGRAMS)
	$(Q)tests/run_programs $^

fault: ## each allocation and system call of a path failing in turn
fault: $(FAULT_PROGRAMS)
	$(Q)tests/run_programs $^

FUZZ_SECONDS ?= 20
fuzz: ## every fuzz target for FUZZ_SECONDS (20) from its corpus
	+$(Q)$(MAKE) --no-print-directory VARIANT=fuzz fuzz-programs
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run build/fuzz
fuzz-programs: $(FUZZ_PROGRAMS)

programs: all $(BUILD)/unit $(SIM_PROGRAMS) $(FAULT_PROGRAMS) $(SYSTEM_PROGRAMS) $(BENCH_PROGRAMS)

system-programs: all $(SYSTEM_PROGRAMS)
system: ## real processes: tests/system/NNN_*
system: all $(SYSTEM_PROGRAMS)
	$(Q)HS_BUILD=$(BUILD) tests/system/run
system-beside system-alone: system-%: all $(SYSTEM_PROGRAMS)
	$(Q)HS_BUILD=$(BUILD) tests/system/run --$*

soak: ## the long profile of the simulated rings, of shared memory in every order, and of the system tests
soak: all $(SYSTEM_PROGRAMS) $(BUILD)/tests/sim/test_sim_ring $(BUILD)/unit
	$(Q)$(BUILD)/tests/sim/test_sim_ring 1000
	$(Q)HS_SOAK=1 $(BUILD)/unit interleave
	$(Q)HS_BUILD=$(BUILD) HS_SOAK=1 tests/system/run

bench: ## measure against the budgets: CPU and rate against wrk and a bare loop, statistics, memory, lag, start, restart, ring, loss of a host, an idle ring
bench: all $(BENCH_PROGRAMS) $(BUILD)/tests/bench/hyperscaled_uncounted
	$(Q)HS_BUILD=$(BUILD) tests/bench/run

lint: ## architecture, sizes, documents, format; and that each check can fail
lint: all
	$(Q)HS_BUILD=$(BUILD) tests/lint/run

analyze: ## gcc -fanalyzer, cppcheck, clang-tidy: no finding
	+$(Q)MAKE="$(MAKE)" tests/lint/analyze

# clang-tidy, a stamp a file, so that only what changed is looked at again.
TIDY := $(patsubst %.c,$(BUILD)/%.tidy,$(filter %.c,$(filter-out tests/%,$(SOURCES))))
tidy: $(TIDY)
$(BUILD)/%.tidy: %.c .clang-tidy $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- -std=c11 -D_GNU_SOURCE -I. 2> $@.log || { cat $@.log; exit 1; }
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -I. -MM -MP -MT $@ -MF $(@:.tidy=.tidy.d) $< && touch $@
analyze-objects: $(LIB_OBJ) $(SUPERVISOR_OBJ) $(CLIENT_OBJ)
.PHONY: system system-beside system-alone system-asan system-programs tidy analyze-objects

format: ## lay the sources out
	clang-format -i $(SOURCES)

export PREFIX ?= /usr/local
export SYSCONFDIR ?= /etc
export DESTDIR
install: ## programs, man pages, configuration, units to DESTDIR/PREFIX; as root without DESTDIR also the users
install: all
	$(Q)HS_BUILD=$(BUILD) etc/install install
uninstall: ## what install put there, configuration excepted
	$(Q)etc/install uninstall
deb: ## a Debian package in build/
deb: all
	$(Q)HS_BUILD=$(BUILD) etc/install deb

clean: ## remove what was built
	rm -rf $(BUILD)

-include $(patsubst %.o,%.d,$(UNCOUNTED_OBJ) $(LIB_OBJ) $(SUPERVISOR_OBJ) $(CLIENT_OBJ) $(TEST_OBJ) $(HEADER_OBJ)) $(TIDY:=.d)
