// SPDX-License-Identifier: BSD-3-Clause
//
// The shapes a token is met in. RFC 7635 6.2 leaves open what a token in CBC mode looks like, so each reading of it has
// a name here; what all of them share is S, the CBC encryption, with T, the truncated MAC, behind it. In none of them
// does the MAC cover nonce_length: an F1 token read as F3, or the other way round, passes it, and only its plaintext
// is not what it was.
#ifndef ASSAY_TOKEN_FORM_H
#define ASSAY_TOKEN_FORM_H

#include "token/algorithm.h"

#include <stdbool.h>
#include <stddef.h>

struct error;

enum token_form {
	TOKEN_FORM_DEFAULT, // GCM or F1, as the algorithm has it
	TOKEN_FORM_GCM,     // nonce_length | nonce | ciphertext | tag
	TOKEN_FORM_F1,      // 00 00 | S | T; vector zero; MAC over A || S || AL: RFC 7635 to the letter
	TOKEN_FORM_F2,      // the same octets, but the MAC is over A || 16 zero octets || S || AL
	TOKEN_FORM_F3,      // 00 10 | IV | S | T; MAC over A || IV || S || AL, which is RFC 7518's own
	TOKEN_FORM_F3_BARE, // the same octets, but the MAC is over A || S || AL, and nothing protects the vector
	TOKEN_FORM_F4,      // S | T without a nonce_length; vector zero; MAC over S || A; the keys come out of HKDF
			    // (RFC 5869, the algorithm's own hash, empty salt and info): drafts of RFC 7635
};
#define TOKEN_FORMS 7

// "GCM", "F1", "F2", "F3", "F3-bare", "F4"; "default".
const char *token_form_name(enum token_form form);

// The form of that name. 0, or -1 with *error filled (ERROR_UNKNOWN, and the names there are).
int token_form_find(enum token_form *form, const char *name, struct error *error);

// Settles TOKEN_FORM_DEFAULT for the algorithm. 0, or -1 with *error filled when the algorithm has no such form.
int token_form_settle(enum token_form *form, const struct token_algorithm *algorithm, struct error *error);

#endif
