// SPDX-License-Identifier: BSD-3-Clause
#include "capture/pcapng.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 65536
#define LARGEST_BUFFER 1048576 // BUFFER and the largest block, with room to spare
#define LARGEST_SECRETS 262144
#define LARGEST_OPTION 65535
#define MOST_LINKS 64

// Integers are written big-endian, which the format allows and the byte-order magic announces: so does our writer.
enum { SECTION = 0x0A0D0D0A, INTERFACE = 1, ENHANCED_PACKET = 6, DECRYPTION_SECRETS = 10 };
enum { BYTE_ORDER_MAGIC = 0x1A2B3C4D, TLS_KEY_LOG = 0x544C534B };
enum { OPTION_END = 0, OPTION_COMMENT = 1, OPTION_APPLICATION = 4, OPTION_TIME_RESOLUTION = 9 };

struct pcapng {
	int descriptor;
	bool regular;
	off_t written;        // octets in the file, all of them whole blocks
	struct writer buffer; // whole blocks that are not written yet
	struct error failure; // code ERROR_NONE as long as all is well
	int64_t frames;
	uint32_t links[MOST_LINKS]; // an interface description is in the file for each
	size_t link_count;
};

static void write_padding(struct writer *out, size_t length)
{
	writer_fill(out, 0, (4 - length % 4) % 4);
}

static size_t begin_block(struct writer *out, uint32_t type)
{
	size_t start = out->length;
	writer_u32(out, type);
	writer_u32(out, 0);
	return start;
}

// A block that did not fit is taken back, so that the buffer holds whole blocks at any time.
static int end_block(struct writer *out, size_t start, struct error *error)
{
	size_t total = out->length - start + 4;
	writer_u32(out, (uint32_t)total);
	writer_patch_u32(out, start + 4, (uint32_t)total);
	if (!out->failed)
		return 0;
	out->length = start;
	out->failed = false;
	return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "no memory for a block of the capture file");
}

static void write_option(struct writer *out, uint16_t code, const void *value, size_t length)
{
	writer_u16(out, code);
	writer_u16(out, (uint16_t)length);
	writer_bytes(out, value, length);
	write_padding(out, length);
}

static void write_text_option(struct writer *out, uint16_t code, const char *text, size_t length)
{
	size_t start = out->length;
	writer_u16(out, code);
	writer_u16(out, 0);
	size_t written = utf8_write_clean(out, text, length, LARGEST_OPTION);
	writer_patch_u16(out, start + 2, (uint16_t)written);
	write_padding(out, written);
}

static int write_section(struct writer *out, const char *application, const char *comment, struct error *error)
{
	size_t start = begin_block(out, SECTION);
	writer_u32(out, BYTE_ORDER_MAGIC);
	writer_u16(out, 1);
	writer_u16(out, 0);
	writer_u64(out, UINT64_MAX); // the section's length is not known
	if (comment)
		write_text_option(out, OPTION_COMMENT, comment, strlen(comment));
	if (application)
		write_text_option(out, OPTION_APPLICATION, application, strlen(application));
	write_option(out, OPTION_END, NULL, 0);
	return end_block(out, start, error);
}

static int write_interface(struct writer *out, uint32_t link, struct error *error)
{
	size_t start = begin_block(out, INTERFACE);
	writer_u16(out, (uint16_t)link);
	writer_u16(out, 0);
	writer_u32(out, PCAPNG_LARGEST_FRAME);
	write_option(out, OPTION_TIME_RESOLUTION, "\x09", 1);
	write_option(out, OPTION_END, NULL, 0);
	return end_block(out, start, error);
}

// write(2) to a pipe nobody reads raises SIGPIPE. Whether the process ignores it is not for this module to decide, so
// it is kept from being delivered here, and taken away unless it was pending before.
static ssize_t write_quietly(int descriptor, const void *data, size_t length)
{
	sigset_t pipe_signal, before, pending;
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	ssize_t written = write(descriptor, data, length);
	int reason = errno;
	if (written < 0 && reason == EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_signal, NULL, &(struct timespec){0}) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = reason;
	return written;
}

// Octets at the start of the buffer that are whole blocks within its first `length` octets.
static size_t whole_blocks(const struct writer *buffer, size_t length)
{
	struct reader reader;
	size_t whole = 0;
	reader_init(&reader, buffer->data, length);
	for (;;) {
		reader_u32(&reader);
		size_t total = reader_u32(&reader);
		if (reader.failed || !reader_bytes(&reader, total - 8))
			return whole;
		whole = reader.offset;
	}
}

static int failed(const struct pcapng *file, struct error *error)
{
	if (error)
		*error = file->failure;
	return -1;
}

int pcapng_flush(struct pcapng *file, struct error *error)
{
	if (file->failure.code)
		return failed(file, error);
	struct reader left;
	reader_init(&left, file->buffer.data, file->buffer.length);
	while (reader_left(&left)) {
		ssize_t written = write_quietly(file->descriptor, &left.data[left.offset], reader_left(&left));
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			if (written == 0)
				errno = EIO;
			error_set_errno(&file->failure, "cannot write the capture file");
			file->written += (off_t)whole_blocks(&file->buffer, left.offset);
			if (file->regular && ftruncate(file->descriptor, file->written) < 0)
				error_set_errno(&file->failure,
						"cannot write the capture file, and its end is damaged");
			return failed(file, error);
		}
		reader_bytes(&left, (size_t)written);
	}
	file->written += (off_t)file->buffer.length;
	writer_reset(&file->buffer);
	return 0;
}

static int interface_number(struct pcapng *file, uint32_t link, uint32_t *number, struct error *error)
{
	for (size_t i = 0; i < file->link_count; i++)
		if (file->links[i] == link) {
			*number = (uint32_t)i;
			return 0;
		}
	if (link > UINT16_MAX || file->link_count == MOST_LINKS)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "link type %u: %s", link,
				 link > UINT16_MAX ? "there is none above 65535"
						   : "too many different ones for one capture file");
	if (write_interface(&file->buffer, link, error) < 0)
		return -1;
	*number = (uint32_t)file->link_count;
	file->links[file->link_count++] = link;
	return 0;
}

int64_t pcapng_packet(struct pcapng *file, const struct packet *packet, struct error *error)
{
	uint32_t number = 0;
	struct writer *out = &file->buffer;
	if (file->failure.code)
		return failed(file, error);
	if (packet->captured > PCAPNG_LARGEST_FRAME)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "a frame of %zu octets is larger than the %d that are written", packet->captured,
				 PCAPNG_LARGEST_FRAME);
	if (interface_number(file, packet->link, &number, error) < 0)
		return -1;
	size_t length = packet->length < packet->captured ? packet->captured : packet->length;
	size_t start = begin_block(out, ENHANCED_PACKET);
	writer_u32(out, number);
	writer_u64(out, packet->time);
	writer_u32(out, (uint32_t)packet->captured);
	writer_u32(out, length > UINT32_MAX ? UINT32_MAX : (uint32_t)length);
	writer_bytes(out, packet->data, packet->captured);
	write_padding(out, packet->captured);
	if (packet->comment_length) {
		write_text_option(out, OPTION_COMMENT, packet->comment, packet->comment_length);
		write_option(out, OPTION_END, NULL, 0);
	}
	if (end_block(out, start, error) < 0)
		return -1;
	file->frames++;
	if (out->length >= BUFFER && pcapng_flush(file, error) < 0)
		return -1;
	return file->frames;
}

int pcapng_secrets(struct pcapng *file, const char *lines, size_t length, struct error *error)
{
	struct writer *out = &file->buffer;
	if (file->failure.code)
		return failed(file, error);
	if (length > LARGEST_SECRETS)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "%zu octets of secrets are more than the %d that are written", length,
				 LARGEST_SECRETS);
	size_t start = begin_block(out, DECRYPTION_SECRETS);
	writer_u32(out, TLS_KEY_LOG);
	writer_u32(out, (uint32_t)length);
	writer_bytes(out, lines, length);
	write_padding(out, length);
	if (end_block(out, start, error) < 0)
		return -1;
	return out->length >= BUFFER ? pcapng_flush(file, error) : 0;
}

struct pcapng *pcapng_open(const char *path, const char *application, const char *comment, struct error *error)
{
	struct stat status;
	struct pcapng *file = calloc(1, sizeof *file);
	if (!file) {
		error_set_errno(error, "cannot make %.128s", path);
		return NULL;
	}
	writer_init(&file->buffer, LARGEST_BUFFER);
	file->descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (file->descriptor < 0 || fstat(file->descriptor, &status) < 0) {
		error_set_errno(error, "cannot make %.128s", path);
		goto refuse;
	}
	file->regular = S_ISREG(status.st_mode);
	if (write_section(&file->buffer, application, comment, error) < 0 || pcapng_flush(file, error) < 0)
		goto refuse;
	return file;
refuse:
	if (file->descriptor >= 0)
		close(file->descriptor);
	writer_free(&file->buffer);
	free(file);
	return NULL;
}

int pcapng_close(struct pcapng *file, struct error *error)
{
	if (!file)
		return 0;
	int outcome = pcapng_flush(file, error);
	if (close(file->descriptor) < 0 && outcome == 0)
		outcome = error_set_errno(error, "cannot finish the capture file");
	writer_free(&file->buffer);
	free(file);
	return outcome;
}
