// SPDX-License-Identifier: BSD-3-Clause
#include "target/log.h"

#include "base/bytes.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t log_size(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
}

static ssize_t read_at(int fd, char *data, size_t length, uint64_t offset)
{
	size_t done = 0;
	while (done < length) {
		ssize_t got = pread(fd, data + done, length - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break; // it became shorter
		done += (size_t)got;
	}
	return (ssize_t)done;
}

// Where the last `lines` lines of the text begin. `cut`: its first line lacks its start.
static size_t find_start(const char *text, size_t length, size_t lines, bool cut)
{
	size_t start = length, ends = 0;
	while (start > 0 && !(text[start - 1] == '\n' && ++ends == lines))
		start--;
	if (start > 0 || !cut)
		return start;
	const char *end = memchr(text, '\n', length);
	return end ? (size_t)(end - text) + 1 : 0;
}

int log_tail(const char *path, uint64_t from, size_t lines, struct writer *tail, struct error *error)
{
	struct stat status;
	char *text = NULL;
	int result = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status) < 0) {
		error_set_errno(error, "cannot read the log '%s'", path);
		goto out;
	}
	if (!S_ISREG(status.st_mode)) {
		error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "the log '%s' is not a regular file", path);
		goto out;
	}
	uint64_t size = (uint64_t)status.st_size;
	if (from > size)
		from = 0;
	bool cut = size - from > LOG_TAIL_LIMIT;
	size_t length = cut ? LOG_TAIL_LIMIT : (size_t)(size - from);
	text = malloc(length + 1);
	ssize_t got = text ? read_at(fd, text, length, size - length) : -1;
	if (got < 0) {
		error_set_errno(error, "cannot read the log '%s'", path);
		goto out;
	}
	length = (size_t)got;
	if (length > 0 && text[length - 1] == '\n')
		length--;
	size_t start = lines > 0 ? find_start(text, length, lines, cut) : length;
	writer_bytes(tail, text + start, length - start);
	result = tail->failed ? error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "the end of the log does not fit") : 0;
out:
	free(text);
	if (fd >= 0)
		close(fd);
	return result;
}
