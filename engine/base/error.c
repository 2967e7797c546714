// SPDX-License-Identifier: BSD-3-Clause
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct error *error, enum error_code code, size_t offset, const char *format, va_list arguments)
{
	error->code = code;
	error->offset = offset;
	vsnprintf(error->text, sizeof error->text, format, arguments);
}

int error_set(struct error *error, enum error_code code, size_t offset, const char *format, ...)
{
	if (error) {
		va_list arguments;
		va_start(arguments, format);
		fill(error, code, offset, format, arguments);
		va_end(arguments);
	}
	return -1;
}

int error_set_errno(struct error *error, const char *format, ...)
{
	int reason = errno;
	if (error) {
		va_list arguments;
		va_start(arguments, format);
		fill(error, ERROR_SYSTEM, ERROR_NO_OFFSET, format, arguments);
		va_end(arguments);
		size_t used = strlen(error->text);
		snprintf(error->text + used, sizeof error->text - used, ": %s", strerror(reason));
	}
	return -1;
}
