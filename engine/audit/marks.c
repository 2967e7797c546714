// SPDX-License-Identifier: BSD-3-Clause
#include "audit/marks.h"

#include <stdbool.h>
#include <stdlib.h>

#define TAGGED 1024
#define HELD 256

void marks_free(struct marks *marks)
{
	free(marks->tagged);
	free(marks->held);
	*marks = (struct marks){0};
}

int64_t marks_tag(struct marks *marks, const struct mark *mark)
{
	if (!marks->tagged)
		marks->tagged = calloc(TAGGED, sizeof *marks->tagged);
	if (marks->tagged)
		marks->tagged[marks->tag_count % TAGGED] = *mark;
	return marks->tag_count++;
}

const struct mark *marks_find(const struct marks *marks, int64_t tag)
{
	bool there = marks->tagged && tag >= 0 && tag < marks->tag_count && tag + TAGGED >= marks->tag_count;
	return there ? &marks->tagged[tag % TAGGED] : NULL;
}

void marks_hold(struct marks *marks, const struct mark *mark)
{
	if (!marks->held)
		marks->held = calloc(HELD, sizeof *marks->held);
	if (marks->held)
		marks->held[marks->held_count++ % HELD] = *mark;
}

const struct mark *marks_held(const struct marks *marks, uint64_t frame)
{
	for (size_t i = 0; marks->held && i < HELD; i++)
		if (marks->held[i].frame == frame)
			return &marks->held[i];
	return NULL;
}
