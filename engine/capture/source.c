// SPDX-License-Identifier: BSD-3-Clause
#include "capture/source.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

// Large enough that the calls cost nothing, small enough to stay in the processor's cache.
#define BUFFER (128u << 10)
#define COMPRESSED (64u << 10)
#define AHEAD (64u << 10)

struct source {
	int descriptor;
	uint8_t *buffer;
	size_t capacity, start, end; // of the octets that were read and not taken
	uint64_t position;
	bool ended;      // nothing more comes, because of the end or of what `failure` says
	bool ran_dry;    // somebody asked for more than there was
	uint8_t *packed; // of a compressed file: what was read and not unpacked yet; NULL otherwise
	z_stream unpacker;
	char *ahead; // what the stream has read and not handed out
	bool inside; // between the start and the end of what gzip calls a member
	struct error failure;
};

static int open_descriptor(const char *path)
{
	if (strcmp(path, "-") == 0)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return open(path, O_RDONLY | O_CLOEXEC);
}

// As many octets as one read brings; 0 at the end and when it fails.
static size_t read_some(struct source *source, uint8_t *place, size_t most)
{
	// A signal that somebody waits for ends it too: else whoever reads a silent pipe could not be stopped.
	ssize_t got = read(source->descriptor, place, most);
	if (got < 0)
		error_set_errno(&source->failure, "cannot read the capture file");
	return got > 0 ? (size_t)got : 0;
}

// Looks at the first octets, of which a pipe may give one at a time. -1 when there is no memory.
static int begin_unpacking(struct source *source)
{
	size_t got = 1;
	while (source->end < 2 && got) {
		got = read_some(source, &source->buffer[source->end], source->capacity - source->end);
		source->end += got;
	}
	source->ended = got == 0;
	if (source->end < 2 || source->buffer[0] != 0x1F || source->buffer[1] != 0x8B)
		return 0;
	source->packed = malloc(source->capacity > COMPRESSED ? source->capacity : COMPRESSED);
	if (!source->packed || inflateInit2(&source->unpacker, 15 + 16) != Z_OK)
		return -1;
	memcpy(source->packed, source->buffer, source->end);
	source->unpacker.next_in = source->packed;
	source->unpacker.avail_in = (uInt)source->end;
	source->end = 0;
	source->ended = false;
	source->inside = true;
	return 0;
}

static bool refill_packed(struct source *source)
{
	if (source->unpacker.avail_in == 0) {
		source->unpacker.next_in = source->packed;
		source->unpacker.avail_in = (uInt)read_some(source, source->packed, COMPRESSED);
	}
	return source->unpacker.avail_in > 0;
}

// What follows a member is another one, or is passed over as gzip does it.
static bool begin_member(struct source *source)
{
	if (!refill_packed(source) || *source->unpacker.next_in != 0x1F)
		return false;
	inflateReset(&source->unpacker);
	return source->inside = true;
}

// Unpacks until something comes out; 0 at the end and in front of damage.
static size_t unpack_some(struct source *source, uint8_t *place, size_t most)
{
	z_stream *unpacker = &source->unpacker;
	unpacker->next_out = place;
	unpacker->avail_out = (uInt)most;
	while (unpacker->avail_out == most) {
		if (!source->inside && !begin_member(source))
			break;
		if (!refill_packed(source)) {
			if (!source->failure.code)
				error_set(&source->failure, ERROR_TRUNCATED, ERROR_NO_OFFSET,
					  "the compressed capture file ends early");
			break;
		}
		int code = inflate(unpacker, Z_NO_FLUSH);
		if (code == Z_STREAM_END) {
			source->inside = false;
		} else if (code != Z_OK) {
			error_set(&source->failure, ERROR_TRUNCATED, ERROR_NO_OFFSET,
				  "the compressed capture file is damaged: %.100s",
				  unpacker->msg ? unpacker->msg : "no gzip data");
			break;
		}
	}
	return most - unpacker->avail_out;
}

struct source *source_open(const char *path, struct error *error)
{
	struct stat status;
	struct source *source = calloc(1, sizeof *source);
	int descriptor = open_descriptor(path);
	if (!source || descriptor < 0 || fstat(descriptor, &status) < 0)
		goto refuse;
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		goto refuse;
	}
	source->descriptor = descriptor;
	source->capacity = BUFFER;
	source->buffer = malloc(source->capacity);
	errno = ENOMEM;
	if (!source->buffer || begin_unpacking(source) < 0)
		goto refuse;
	return source;
refuse:
	error_set_errno(error, "cannot read %.128s", strcmp(path, "-") ? path : "the standard input");
	if (descriptor >= 0)
		close(descriptor);
	if (source) {
		free(source->buffer);
		free(source->packed);
	}
	free(source);
	return NULL;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	if (source->packed)
		inflateEnd(&source->unpacker);
	close(source->descriptor);
	free(source->buffer);
	free(source->packed);
	free(source->ahead);
	free(source);
}

// Moves what is left to the front and fills the buffer up behind it.
static void fill(struct source *source, size_t wanted)
{
	size_t left = source->end - source->start;
	if (left)
		memmove(source->buffer, &source->buffer[source->start], left);
	source->start = 0;
	source->end = left;
	if (wanted > source->capacity) {
		uint8_t *buffer = realloc(source->buffer, wanted);
		if (!buffer) {
			error_set(&source->failure, ERROR_LIMIT, ERROR_NO_OFFSET,
				  "no memory for %zu octets of the capture file", wanted);
			return;
		}
		source->buffer = buffer;
		source->capacity = wanted;
	}
	// No more than is needed of a pipe, whose writer may be slow.
	while (source->end < wanted && !source->ended && !source->failure.code) {
		uint8_t *place = &source->buffer[source->end];
		size_t room = source->capacity - source->end;
		size_t got = source->packed ? unpack_some(source, place, room) : read_some(source, place, room);
		source->end += got;
		source->ended = got == 0;
	}
}

const uint8_t *source_look(struct source *source, size_t length, size_t *there)
{
	if (source->end - source->start < length && !source->ended)
		fill(source, length);
	size_t left = source->end - source->start;
	source->ran_dry = left < length;
	*there = left < length ? left : length;
	return &source->buffer[source->start];
}

void source_take(struct source *source, size_t length)
{
	source->start += length;
	source->position += length;
}

uint64_t source_skip(struct source *source, uint64_t length)
{
	uint64_t done = 0;
	size_t there = 1;
	while (done < length && there) {
		size_t wanted = length - done < source->capacity ? (size_t)(length - done) : source->capacity;
		source_look(source, wanted, &there);
		source_take(source, there);
		done += there;
	}
	return done;
}

uint64_t source_position(const struct source *source)
{
	return source->position;
}

bool source_failed(struct source *source, struct error *error)
{
	// Damage behind octets that were only read ahead is not met yet.
	if (!source->failure.code || !source->ran_dry)
		return false;
	if (error) {
		*error = source->failure;
		error->offset = (size_t)source->position;
	}
	return true;
}

static ssize_t stream_read(void *cookie, char *octets, size_t length)
{
	struct source *source = cookie;
	size_t got;
	if (source->start == source->end && !source->packed && !source->ended && !source->failure.code) {
		// Straight into the buffer of the stream.
		got = read_some(source, (uint8_t *)octets, length);
		source->position += got;
		source->ended = got == 0;
		source->ran_dry = source->ended;
	} else {
		const uint8_t *from = source_look(source, 1, &got);
		got = source->end - source->start < length ? source->end - source->start : length;
		memcpy(octets, from, got);
		source_take(source, got);
	}
	if (got == 0 && source_failed(source, NULL)) {
		errno = EIO;
		return -1;
	}
	return (ssize_t)got;
}

static int stream_seek(void *cookie, off64_t *offset, int whence)
{
	const struct source *source = cookie;
	if (*offset != 0 || whence != SEEK_CUR) {
		errno = ESPIPE;
		return -1;
	}
	*offset = (off64_t)source->position;
	return 0;
}

FILE *source_stream(struct source *source, struct error *error)
{
	source->ahead = malloc(AHEAD);
	FILE *stream = source->ahead ? fopencookie(source, "rb",
						   (cookie_io_functions_t){.read = stream_read, .seek = stream_seek})
				     : NULL;
	if (!stream) {
		error_set_errno(error, "cannot read the capture file");
		return NULL;
	}
	setvbuf(stream, source->ahead, _IOFBF, AHEAD);
	// One thread reads it, twice a packet: a lock each time would be a tenth of the work.
	__fsetlocking(stream, FSETLOCKING_BYCALLER);
	return stream;
}
