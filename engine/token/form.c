// SPDX-License-Identifier: BSD-3-Clause
#include "token/form.h"

#include "base/error.h"

#include <string.h>

static const char *const names[TOKEN_FORMS] = {"default", "GCM", "F1", "F2", "F3", "F3-bare", "F4"};

const char *token_form_name(enum token_form form)
{
	return names[form];
}

int token_form_find(enum token_form *form, const char *name, struct error *error)
{
	for (size_t i = TOKEN_FORM_GCM; i < TOKEN_FORMS; i++)
		if (strcmp(names[i], name) == 0) {
			*form = (enum token_form)i;
			return 0;
		}
	return error_set(error, ERROR_UNKNOWN, ERROR_NO_OFFSET,
			 "unknown form of token: expected GCM, F1, F2, F3, F3-bare or F4");
}

int token_form_settle(enum token_form *form, const struct token_algorithm *algorithm, struct error *error)
{
	bool gcm = algorithm->kind == TOKEN_GCM;
	if (*form == TOKEN_FORM_DEFAULT)
		*form = gcm ? TOKEN_FORM_GCM : TOKEN_FORM_F1;
	if (gcm != (*form == TOKEN_FORM_GCM))
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "form %s is not one of %s, which takes %s",
				 names[*form], algorithm->name, gcm ? "GCM" : "F1, F2, F3, F3-bare or F4");
	return 0;
}
