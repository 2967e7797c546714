// SPDX-License-Identifier: BSD-3-Clause
//
// Token -> fields (RFC 7635 6.2 and 7): finds out the form, verifies, decrypts, takes the block apart. Whether the
// token is still good is not asked; there is no clock here.
#ifndef ASSAY_TOKEN_OPEN_H
#define ASSAY_TOKEN_OPEN_H

#include "base/error.h"
#include "token/context.h"
#include "token/form.h"
#include "token/gcm.h"
#include "token/key.h"
#include "token/layout.h"
#include "token/plain.h"

#include <stddef.h>

struct token_opened {
	enum token_form form;
	struct token_layout layout;
	struct token_text nonce;  // into the token
	struct token_plain plain; // mac_key and extra point into the context, until its next use
};

// Opens a token under one key and one server name. 0, or -1 with *error filled; its offset counts from the start of the
// token, also for a fault in the block that was encrypted. ERROR_TRUNCATED, ERROR_MALFORMED and ERROR_LIMIT say what
// cannot be so; ERROR_NOT_AUTHENTIC that the tag fits in none of the forms the algorithm knows.
// After success call token_open_done: until then the plaintext lies in the context. A failure leaves nothing there.
int token_open(struct token_context *context, const struct token_key *key, struct token_text server_name,
	       struct token_text token, struct token_opened *opened, struct error *error);

// Wipes the plaintext, and with it what opened->plain points to.
void token_open_done(struct token_context *context, struct token_opened *opened);

// The word for a failure of token_open: "truncated", "malformed", "not-authentic", "limit"; "other" for what is no
// fault of the token. The vectors use these words.
const char *token_open_failure(enum error_code code);

#endif
