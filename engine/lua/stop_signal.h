// SPDX-License-Identifier: BSD-3-Clause
//
// SIGINT and SIGTERM as a wish: long work looks at a flag and ends with what it has. It knows nothing of the work.
#ifndef ASSAY_LUA_STOP_SIGNAL_H
#define ASSAY_LUA_STOP_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

// From the first watch to the last release the two signals raise the flag, and interrupt a call that waits; a signal
// that was ignored stays ignored. Each watch needs one release.
void stop_signal_watch(void);
void stop_signal_release(void);

// Not 0 once one came; it stays so.
extern volatile sig_atomic_t stop_signal_raised;

#endif
