// SPDX-License-Identifier: BSD-3-Clause
#include "lua/stop_signal.h"

volatile sig_atomic_t stop_signal_raised;

static const int signals[2] = {SIGINT, SIGTERM};
static struct sigaction before[2];
static unsigned watchers;

static void raise_flag(int number)
{
	(void)number;
	stop_signal_raised = 1;
}

void stop_signal_watch(void)
{
	struct sigaction action = {.sa_handler = raise_flag};
	if (watchers++)
		return;
	for (int i = 0; i < 2; i++) {
		sigaction(signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

void stop_signal_release(void)
{
	if (!watchers || --watchers)
		return;
	for (int i = 0; i < 2; i++)
		sigaction(signals[i], &before[i], NULL);
}
