// SPDX-License-Identifier: BSD-3-Clause
//
// What assay token says of one token, sealed or opened: its fields as one JSON object on stdout, with remarks on what
// is unusual about it.
#ifndef ASSAY_COMMAND_TOKEN_REPORT_H
#define ASSAY_COMMAND_TOKEN_REPORT_H

#include "command/keys.h"
#include "token/form.h"
#include "token/gcm.h"
#include "token/plain.h"

#include <stdbool.h>

#define TOKEN_MAC_KEY_LENGTH 20 // octets, the length that all have to support (RFC 7635 6.2)

enum token_status {
	TOKEN_STATUS_OK = 0,
	TOKEN_STATUS_NOT_OPENED = 1,
	TOKEN_STATUS_USAGE = 2,
	TOKEN_STATUS_OUTPUT = 4,
};

struct token_report {
	const struct named_key *key;
	enum token_form form;
	struct token_text nonce;
	struct token_plain plain;
	const char *token;  // base64, NULL when it need not be repeated
	const char *remark; // one of the command's own, or NULL
	bool with_secrets;  // print mac_key
};

// Prints it. TOKEN_STATUS_OK, or TOKEN_STATUS_OUTPUT with one line on stderr.
int token_report_print(const char *command, const struct token_report *about);

// One line on stderr, "assay token COMMAND: ...". Returns the status.
int token_complain(int status, const char *command, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Seconds since 1970.
double token_now(void);

#endif
