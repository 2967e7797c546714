// SPDX-License-Identifier: BSD-3-Clause
#include "lua/audit_copy.h"

#include "base/error.h"
#include "capture/pcapng.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct audit_copy {
	struct pcapng *file;
	bool held;            // `packet` has not been written yet
	struct packet packet; // its data and comment are those below
	uint8_t *data;
	size_t room; // octets at data
	char *comment;
};

struct audit_copy *audit_copy_open(const char *path, struct error *error)
{
	struct audit_copy *copy = calloc(1, sizeof *copy);
	if (!copy) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	copy->file = pcapng_open(path, "assay", NULL, error);
	if (!copy->file) {
		free(copy);
		return NULL;
	}
	return copy;
}

static int write_held(struct audit_copy *copy, struct error *error)
{
	bool there = copy->held;
	copy->held = false;
	return there && pcapng_packet(copy->file, &copy->packet, error) < 0 ? -1 : 0;
}

int audit_copy_set_comment(struct audit_copy *copy, const char *comment, size_t length, struct error *error)
{
	char *text = comment ? malloc(length + 1) : NULL;
	if (comment && !text)
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	if (text)
		memcpy(text, comment, length);
	free(copy->comment);
	copy->comment = text;
	copy->packet.comment = text;
	copy->packet.comment_length = text ? length : 0;
	return 0;
}

int audit_copy_packet(struct audit_copy *copy, const struct packet *packet, struct error *error)
{
	if (write_held(copy, error) < 0)
		return -1;
	if (packet->captured > copy->room) {
		uint8_t *grown = realloc(copy->data, packet->captured);
		if (!grown)
			return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		copy->data = grown;
		copy->room = packet->captured;
	}
	if (packet->captured)
		memcpy(copy->data, packet->data, packet->captured);
	copy->packet = *packet;
	copy->packet.data = copy->data;
	if (audit_copy_set_comment(copy, packet->comment, packet->comment_length, error) < 0)
		return -1;
	copy->held = true;
	return 0;
}

const char *audit_copy_comment(const struct audit_copy *copy, size_t *length, uint64_t *frame)
{
	*frame = copy->held ? copy->packet.frame : 0;
	*length = copy->held ? copy->packet.comment_length : 0;
	return copy->held ? copy->packet.comment : NULL;
}

void audit_copy_secrets(struct audit_copy *copy, const char *lines, size_t length)
{
	pcapng_secrets(copy->file, lines, length, NULL);
}

int audit_copy_close(struct audit_copy *copy, struct error *error)
{
	if (!copy)
		return 0;
	int outcome = write_held(copy, error);
	if (pcapng_close(copy->file, outcome < 0 ? NULL : error) < 0)
		outcome = -1;
	free(copy->data);
	free(copy->comment);
	free(copy);
	return outcome;
}
