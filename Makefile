# Hyperscale. `make help` tells what there is.
V ?= 0
BUILD ?= build
CC ?= gcc
Q := $(if $(filter 1,$(V)),,@)

LIB_DIRS := shm/base shm ipc roles roles/cluster roles/guard roles/stats roles/plan roles/protocol \
            roles/gate roles/manager roles/worker roles/engine roles/console
LIB_SRC := $(foreach d,$(LIB_DIRS),$(wildcard $(d)/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wwrite-strings \
        -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wredundant-decls -Wformat=2 -Wundef -Wvla \
        -Wswitch-enum -Wimplicit-fallthrough -Wdouble-promotion -Wpointer-arith -Wnull-dereference -Werror
GCC_WARN := -Wcast-align=strict -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Warith-conversion -Wno-format-truncation
CLANG_WARN := -Wcast-align -Wcomma -Wmissing-variable-declarations -Wunreachable-code
WARN += $(if $(findstring clang,$(CC)),$(CLANG_WARN),$(GCC_WARN))
OPT ?= -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CFLAGS_ALL := -std=c11 -D_GNU_SOURCE -I. $(WARN) -fno-common -fno-strict-aliasing -fstack-protector-strong \
              -fno-omit-frame-pointer -fPIE -fcf-protection $(OPT) $(SANITIZE) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now,-z,defs $(SANITIZE) $(LDFLAGS)
LIBS := -luring -lcrypto -ljansson

UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_OBJ := $(UNIT_SRC:%.c=$(BUILD)/%.o)

.PHONY: all unit clean
all: $(BUILD)/libhyperscale.a

$(BUILD)/libhyperscale.a: $(LIB_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC  $<")
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/unit: $(UNIT_OBJ) $(BUILD)/libhyperscale.a
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcunit $(LIBS)

unit: $(BUILD)/unit
	$(BUILD)/unit

clean:
	rm -rf $(BUILD)

-include $(LIB_OBJ:.o=.d) $(UNIT_OBJ:.o=.d)
