# SPDX-License-Identifier: BSD-3-Clause
#
# make            build build/assay
# make certify    set up, build, run the server suite against a target, reports in out/
# make test       set up, build, run every test through prove
# make fuzz       every decoder under libFuzzer
# make lint bench clean
#
# BUILD=dir       build somewhere else      SANITIZE=1   AddressSanitizer and UndefinedBehaviorSanitizer
# SETUP=no        install nothing           TARGET=file  the profile to certify (default: the embedded reference)

SANITIZE ?=
FUZZ     ?=
BUILD    ?= build$(if $(SANITIZE),/sanitized)
SETUP    ?= yes
TARGET   ?=
OUT      ?= out
V        ?= @
JOBS     := $(shell nproc)

PKGS     := lua5.4 openssl libpcap libevent_core libevent_extra jansson zlib
CPPFLAGS += -Iengine -D_GNU_SOURCE -DLUA_COMPAT_5_3=0 $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=c11 -Wall -Wextra -Wshadow -Wconversion -Werror -fno-strict-aliasing -fstack-protector-strong
LDLIBS   += $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm
ifneq ($(SANITIZE),)
CFLAGS   += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=address,undefined
endif
ifneq ($(FUZZ),)
CFLAGS   += -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=address,undefined
endif

# A room is a folder of engine/, built into one archive. They are linked in the order of the arrows
# (what stands left may call what stands right), so a call against an arrow does not link.
ROOMS    := command lua audit target capture net token stun base
SOURCES  := $(foreach room,$(ROOMS),$(wildcard engine/$(room)/*.c))
ARCHIVES := $(ROOMS:%=$(BUILD)/lib/%.a)
UNITS    := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*/*.c))
objects   = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard engine/$(1)/*.c))

all: $(BUILD)/assay

$(BUILD)/assay: $(BUILD)/obj/engine/main.o $(ARCHIVES)
	@echo "LINK $@"
	$(V)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

define room_archive
$(BUILD)/lib/$(1).a: $(call objects,$(1))
	@mkdir -p $$(@D)
	@echo "AR $$@"
	$(V)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach room,$(ROOMS),$(eval $(call room_archive,$(room))))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "CC $<"
	$(V)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# A unit test stands in tests/unit/ROOM/ and links its room and the rooms right of it, and no others.
from      = $(if $(filter $(1),$(firstword $(2))),$(2),$(call from,$(1),$(wordlist 2,99,$(2))))
.SECONDARY:
.SECONDEXPANSION:
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o \
		$$(addprefix $(BUILD)/lib/,$$(addsuffix .a,$$(call from,$$(firstword $$(subst /, ,$$*)),$(ROOMS))))
	@mkdir -p $(@D)
	@echo "LINK $@"
	$(V)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

setup:
	$(V)if [ "$(SETUP)" = no ]; then echo "SETUP=no: nothing is installed"; else scripts/setup.sh; fi

# What setup installs is not there yet when this file is read, so the rest runs in a make of its own.
certify: setup
	$(V)$(MAKE) --no-print-directory -j$(JOBS) run

run: $(BUILD)/assay
	$(BUILD)/assay run $(if $(TARGET),--target $(TARGET)) --out $(OUT)

test: setup
	$(V)$(MAKE) --no-print-directory -j$(JOBS) check

# As many tests at a time as there are processors: most of them wait more than they work. The longest come first, so
# that none of them is left alone at the end.
E2E      := $(sort $(wildcard tests/e2e/*.t))
LONG     := $(patsubst %,tests/e2e/%.t,kill-matrix robustness-faults probe fuzz robustness hostile)

check: $(BUILD)/assay $(UNITS)
	$(V)ASSAY_BUILD=$(BUILD) scripts/check.sh --timer --jobs $(JOBS) \
		$(filter $(LONG),$(E2E)) $(filter-out $(LONG),$(E2E)) $(UNITS)

programs: $(BUILD)/assay $(UNITS)

units: $(BUILD)/assay $(UNITS)
	$(V)prove --exec '' $(UNITS)

include tests/fuzz/fuzz.mk

$(BUILD)/bench/%: $(BUILD)/obj/scripts/bench/%.o $(patsubst %,$(BUILD)/lib/%.a,token stun base)
	@mkdir -p $(@D)
	@echo "LINK $@"
	$(V)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

bench: $(BUILD)/assay $(BUILD)/bench/crypto $(BUILD)/bench/repeat $(BUILD)/bench/sink
	$(V)ASSAY_BUILD=$(BUILD) scripts/bench.sh

lint:
	$(V)scripts/lint.sh

clean:
	rm -rf $(BUILD)

.PHONY: all setup certify run test check programs units bench lint clean
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
