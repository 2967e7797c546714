// SPDX-License-Identifier: BSD-3-Clause
#include "capture/source.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define BUFFER 65536
#define ONE_READ (1u << 20) // gzread takes an int's worth

struct source {
	gzFile file; // reads what is not compressed as it is
	uint64_t position;
	uint8_t again[16]; // given back; the last `again_length` of it
	size_t again_length;
};

struct source *source_open(const char *path, struct error *error)
{
	struct stat status;
	struct source *source = calloc(1, sizeof *source);
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (!source || descriptor < 0 || fstat(descriptor, &status) < 0) {
		error_set_errno(error, "cannot read %.128s", path);
		goto refuse;
	}
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		error_set_errno(error, "cannot read %.128s", path);
		goto refuse;
	}
	source->file = gzdopen(descriptor, "rb");
	if (!source->file) {
		error_set_errno(error, "cannot read %.128s", path);
		goto refuse;
	}
	gzbuffer(source->file, BUFFER);
	return source;
refuse:
	if (descriptor >= 0)
		close(descriptor);
	free(source);
	return NULL;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	gzclose(source->file);
	free(source);
}

size_t source_read(struct source *source, void *octets, size_t length)
{
	uint8_t *place = octets;
	size_t done = 0;
	while (done < length && source->again_length)
		place[done++] = source->again[sizeof source->again - source->again_length--];
	while (done < length) {
		size_t wanted = length - done < ONE_READ ? length - done : ONE_READ;
		int got = gzread(source->file, &place[done], (unsigned)wanted);
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	source->position += done;
	return done;
}

size_t source_skip(struct source *source, size_t length)
{
	uint8_t passed[4096];
	size_t done = 0;
	while (done < length) {
		size_t wanted = length - done < sizeof passed ? length - done : sizeof passed;
		size_t got = source_read(source, passed, wanted);
		done += got;
		if (got < wanted)
			break;
	}
	return done;
}

void source_unread(struct source *source, const void *octets, size_t length)
{
	memcpy(&source->again[sizeof source->again - length], octets, length);
	source->again_length = length;
	source->position -= length;
}

uint64_t source_position(const struct source *source)
{
	return source->position;
}

bool source_failed(struct source *source, struct error *error)
{
	int code;
	const char *text = gzerror(source->file, &code);
	if (code == Z_OK || code == Z_STREAM_END)
		return false;
	if (code == Z_ERRNO)
		error_set_errno(error, "cannot read the capture file");
	else
		error_set(error, ERROR_TRUNCATED, (size_t)source->position,
			  "the compressed capture file is damaged: %.100s", text);
	if (error)
		error->offset = (size_t)source->position;
	return true;
}

static ssize_t stream_read_octets(void *cookie, char *octets, size_t length)
{
	size_t got = source_read(cookie, octets, length);
	if (got == 0 && source_failed(cookie, NULL)) {
		errno = EIO;
		return -1;
	}
	return (ssize_t)got;
}

FILE *source_stream(struct source *source, struct error *error)
{
	FILE *stream = fopencookie(source, "rb", (cookie_io_functions_t){.read = stream_read_octets});
	if (!stream) {
		error_set_errno(error, "cannot read the capture file");
		return NULL;
	}
	// Without a buffer of its own it takes no octet more than it was asked for.
	setvbuf(stream, NULL, _IONBF, 0);
	return stream;
}
