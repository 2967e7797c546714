// SPDX-License-Identifier: BSD-3-Clause
#include "target/log.h"

#include "base/bytes.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/assay-log-XXXXXX";

static void fill(const void *text, size_t length)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void assert_tail(uint64_t from, size_t lines, const void *expected, size_t length)
{
	struct writer tail;
	struct error error = {0};
	writer_init(&tail, LOG_TAIL_LIMIT);
	if (log_tail(path, from, lines, &tail, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(tail.length, length);
	if (length > 0)
		assert_memory_equal(tail.data, expected, length);
	writer_free(&tail);
}

static void last_lines(void **state)
{
	static const struct {
		const char *content;
		size_t from, lines;
		const char *tail;
	} cases[] = {
		{"", 0, 3, ""},
		{"\n", 0, 3, ""},
		{"one", 0, 3, "one"},
		{"one\n", 0, 1, "one"},
		{"one\ntwo\nthree\n", 0, 2, "two\nthree"},
		{"one\ntwo\nthree", 0, 2, "two\nthree"},
		{"one\ntwo\nthree\n", 0, 3, "one\ntwo\nthree"},
		{"one\ntwo\nthree\n", 0, 99, "one\ntwo\nthree"},
		{"one\ntwo\n\n\n", 0, 2, "\n"},
		{"one\ntwo\nthree\n", 0, 0, ""},
		{"one\ntwo\nthree\n", 8, 99, "three"},
		{"one\ntwo\n", 8, 99, ""},
		{"one\ntwo\n", 9, 99, "one\ntwo"}, // became shorter than where we began
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fill(cases[i].content, strlen(cases[i].content));
		assert_int_equal(log_size(path), strlen(cases[i].content));
		assert_tail(cases[i].from, cases[i].lines, cases[i].tail, strlen(cases[i].tail));
	}
}

static void octets_pass_unchanged(void **state)
{
	static const char content[] = "a\0b\n\xff\xfe\r\0\n";
	(void)state;
	fill(content, sizeof content - 1);
	assert_tail(0, 1, "\xff\xfe\r\0", 4);
	assert_tail(0, 2, content, sizeof content - 2);
}

static void long_log_is_bounded(void **state)
{
	size_t size = 3 * LOG_TAIL_LIMIT;
	char *content = malloc(size);
	(void)state;
	assert_non_null(content);
	for (size_t i = 0; i < size; i++)
		content[i] = i % 100 == 99 ? '\n' : 'x';
	fill(content, size);
	// The last 64 KiB begin inside a line, which is left out.
	size_t begin = size - LOG_TAIL_LIMIT;
	begin += 100 - begin % 100;
	assert_tail(0, 100000, content + begin, size - begin);
	assert_tail(0, 2, content + (size / 100 - 1) * 100, size - (size / 100 - 1) * 100);

	memset(content, 'x', size); // one line without an end
	fill(content, size);
	assert_tail(0, 5, content, LOG_TAIL_LIMIT);
	free(content);
}

static void what_cannot_be_read(void **state)
{
	struct writer tail;
	struct error error = {0};
	char fifo[64];
	(void)state;
	writer_init(&tail, LOG_TAIL_LIMIT);
	assert_int_equal(log_tail("/no/folder/log", 0, 1, &tail, &error), -1);
	assert_string_equal(error.text, "cannot read the log '/no/folder/log': No such file or directory");
	assert_int_equal(log_size("/no/folder/log"), 0);

	snprintf(fifo, sizeof fifo, "%s.fifo", path); // nobody writes into it: it must not be waited for
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(log_tail(fifo, 0, 1, &tail, &error), -1);
	assert_int_equal(error.code, ERROR_NOT_ALLOWED);
	assert_int_equal(log_size(fifo), 0);
	unlink(fifo);
	writer_free(&tail);

	fill("four\n", 5);
	writer_init(&tail, 3);
	assert_int_equal(log_tail(path, 0, 1, &tail, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	writer_free(&tail);
}

static int set_up(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_lines),
		cmocka_unit_test(octets_pass_unchanged),
		cmocka_unit_test(long_log_is_bounded),
		cmocka_unit_test(what_cannot_be_read),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
