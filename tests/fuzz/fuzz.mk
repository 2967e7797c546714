# SPDX-License-Identifier: BSD-3-Clause
#
# Fuzzing, included by the Makefile; docs/contributing.md tells how to work with it.
#
# make fuzz           every decoder under libFuzzer and the sanitizers, FUZZ_SECONDS (600) each, FUZZ_JOBS (2) at once
# make fuzz-NAME      one of them, tests/fuzz/NAME.c
# make replays        the same targets without libFuzzer: each program calls its own for the files that it is given
#
# A target is named after the room it links, tests/fuzz/ROOM-WHAT.c, as a unit test stands in the folder of its room.

FUZZERS   := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*-*.c))
FUZZ_WITH := $(if $(FUZZ),,$(BUILD)/obj/tests/fuzz/replay.o)

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_WITH) \
		$$(addprefix $(BUILD)/lib/,$$(addsuffix .a,$$(call from,$$(firstword $$(subst -, ,$$*)),$(ROOMS))))
	@mkdir -p $(@D)
	@echo "LINK $@"
	$(V)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(FUZZ),-fsanitize=fuzzer) -o $@ $^ $(LDLIBS)

replays: $(FUZZERS:%=$(BUILD)/fuzz/%)

# The engine is built once more for it, by clang, with coverage told to libFuzzer.
fuzz $(FUZZERS:%=fuzz-%):
	$(V)BUILD=$(BUILD) MAKE="$(MAKE) -j$(JOBS)" scripts/fuzz.sh $(if $(filter fuzz-%,$@),$(@:fuzz-%=%),$(FUZZERS))

.PHONY: fuzz replays $(FUZZERS:%=fuzz-%)
