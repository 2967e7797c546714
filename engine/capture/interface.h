// SPDX-License-Identifier: BSD-3-Clause
//
// Which network interface to listen on. It asks the system and opens nothing that stays open.
#ifndef ASSAY_CAPTURE_INTERFACE_H
#define ASSAY_CAPTURE_INTERFACE_H

#include <net/if.h>
#include <stdbool.h>

struct error;

// The interface that has this numeric address; all of the loopback network (127.0.0.0/8) counts as that of the
// loopback interface. -1 with *error filled: ERROR_MALFORMED for what is no address, ERROR_UNKNOWN when no interface
// of this machine has it, ERROR_SYSTEM.
int interface_of(const char *address, char name[IFNAMSIZ], struct error *error);

// The interface over which packets to this numeric address leave, and so the one to capture them on. It differs from
// interface_of for an address of this machine itself: what is sent there passes the loopback interface.
// ERROR_SYSTEM when there is no route, else as above.
int interface_to(const char *address, char name[IFNAMSIZ], struct error *error);

// Whether this is a loopback interface; false also when there is none of that name.
bool interface_is_loopback(const char *name);

#endif
