// SPDX-License-Identifier: BSD-3-Clause
//
// The text form: what a correct message looks like, and that no octets whatever leave printable ASCII or the bound.
#include "stun/text.h"

#include "base/bytes.h"
#include "base/error.h"
#include "support.h"

static struct writer writer;

static int fresh(void **state)
{
	(void)state;
	writer_init(&writer, 1 << 20);
	return 0;
}

static int away(void **state)
{
	(void)state;
	writer_free(&writer);
	return 0;
}

static const char *shown(struct octets octets)
{
	writer_reset(&writer);
	assert_int_equal(stun_text(octets.data, octets.length, &writer, NULL), 0);
	for (size_t i = 0; i < writer.length; i++)
		assert_true(writer.data[i] == '\n' || (writer.data[i] >= 0x20 && writer.data[i] < 0x7F));
	assert_int_equal(writer.data[writer.length - 1], '\n');
	writer_u8(&writer, 0);
	return (const char *)writer.data;
}

static void is_shown(const char *hex, const char *expected)
{
	struct octets octets = octets_from_hex(hex);
	assert_string_equal(shown(octets), expected);
	free(octets.data);
}

static void contains(const char *hex, const char *expected)
{
	struct octets octets = octets_from_hex(hex);
	const char *text = shown(octets);
	if (!strstr(text, expected))
		fail_msg("'%s' is not in:\n%s", expected, text);
	free(octets.data);
}

static void the_sample_request_reads_so(void **state)
{
	(void)state;
	is_shown(SAMPLE_REQUEST,
		 "Binding request, 108 octets, transaction b7e7a701bc34d686fa87dfae\n"
		 "     0  type 0x0001, length 88, cookie 0x2112A442\n"
		 "    20  SOFTWARE (0x8022), 16 octets: \"STUN test client\"\n"
		 "    40  PRIORITY (0x0024), 4 octets: 1845494271\n"
		 "    48  ICE-CONTROLLED (0x8029), 8 octets: 0x932FF9B151263B36\n"
		 "    60  USERNAME (0x0006), 9 octets: \"evtj:h6vY\", padding 202020\n"
		 "    76  MESSAGE-INTEGRITY (0x0008), 20 octets: 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\n"
		 "   100  FINGERPRINT (0x8028), 4 octets: 0xE57A3BCF\n");
}

#define HEAD(length) "0113" length " 2112a442 000000000000000000000000 "

static void each_kind_reads_so(void **state)
{
	(void)state;
	contains(SAMPLE_IPV6, "32853");
	contains(SAMPLE_IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853\n");
	contains(HEAD("0008") "00090004 00000401", "    20  ERROR-CODE (0x0009), 4 octets: 401 \"\"\n");
	contains(HEAD("000c") "00090007 000084ff 414200 ff",
		 ": 655 \"AB\\x00\", class 4, number 255, reserved bits 0x10, padding ff\n");
	contains(HEAD("000c") "000a0006 7f00001b ffff 0000", ": 0x7F00, ACCESS-TOKEN, 0xFFFF, padding 0000\n");
	contains(HEAD("0004") "001a0000", "DONT-FRAGMENT (0x001A), 0 octets: set\n");
	contains(HEAD("0008") "00190004 11000000", ": 17 UDP\n");
	contains(HEAD("0008") "00190004 11000001", ": 17 UDP, reserved bits 0x1\n");
	contains(HEAD("0008") "000c0004 40000000", ": 0x4000\n");
	contains(HEAD("0008") "00180001 80 000000", ": reserve the next port, padding 000000\n");
	contains(HEAD("0008") "00170004 02000000", ": IPv6\n");
	contains(HEAD("0008") "80010004 01000428", ": IPv4 440 \"\"\n");
	contains(HEAD("000c") "80020008 00020000 00010000", ": 2 SHA-256, 1 MD5\n");
	contains(HEAD("000c") "80040008 0000060300000000", ": type 3, code 3, data 0x00000000\n");
	contains(HEAD("0008") "7f000001 41 000000", "    20  0x7F00, 1 octets: 41, padding 000000\n");
	contains("3ffd0000 2112a442 000000000000000000000000", "method 0xffd error, 20 octets");
}

static void hostile_text_is_escaped(void **state)
{
	(void)state;
	contains(HEAD("0010") "80220009 1b5b326a220a5cff00 000000", ": \"\\x1B[2j\\\"\\x0A\\\\\\xFF\\x00\"");
}

static void what_is_broken_says_so(void **state)
{
	(void)state;
	contains(HEAD("0008") "000d0003 000000ff",
		 ", malformed, the value has 3 octets, its form has 4: 000000, padding ff\n");
	contains(HEAD("0008") "00170004 09000000", ", malformed, address family 0x09 is neither");
	contains(HEAD("0008") "000dffff 00000000",
		 "    20  8 octets that are no attribute: 000dffff00000000\n"
		 "malformed: LIFETIME at octet 20 announces 65535 octets, 4 are there\n");
	contains("00010000 deadbeef 000000000000000000000000", "cookie 0xDEADBEEF, not 0x2112A442\n");
	contains(HEAD("0000") "41", "malformed: 1 octets follow the 0 that the header announces\n");
	contains(HEAD("0010") "000d0004 00000001",
		 "malformed: the header announces 16 octets behind it, 8 are there\n");
}

static void other_octets_are_shown_too(void **state)
{
	(void)state;
	is_shown("40010003 616263 00", "ChannelData on 0x4001, data, 3 octets: 616263\n");
	is_shown("40010009 616263", "ChannelData, 7 octets: 40010009616263\n"
				    "malformed: ChannelData announces 9 octets, 3 are there\n");
	is_shown("00", "too short for STUN, 1 octets: 00\n");
	is_shown("ff00", "too short for STUN, 2 octets: ff00\n");
	contains("80010000 2112a442 000000000000000000000000", "neither STUN nor ChannelData, 20 octets: 8001");
	struct octets none = octets_copy("", 0);
	assert_string_equal(shown(none), "too short for STUN, 0 octets: \n");
	free(none.data);
}

static void any_octets_are_survived(void **state)
{
	(void)state;
	static const char *const samples[] = {SAMPLE_REQUEST, SAMPLE_SHA256,
					      HEAD("0014") "8002000c 00020000 00090003 41424300 80040000"};
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct octets octets = octets_from_hex(samples[i]);
		for (size_t length = 0; length <= octets.length; length++) {
			struct octets part = octets_copy(octets.data, length);
			shown(part);
			free(part.data);
		}
		for (size_t j = 0; j < octets.length; j++) {
			uint8_t kept = octets.data[j];
			for (unsigned value = 0; value < 256; value += 3) {
				octets.data[j] = (uint8_t)value;
				shown(octets);
			}
			octets.data[j] = kept;
		}
		free(octets.data);
	}
}

static void the_text_of_the_worst_message_is_bounded(void **state)
{
	(void)state;
	struct writer message;
	writer_init(&message, 70000);
	writer_u16(&message, 1);
	writer_u16(&message, 65532);
	writer_fill(&message, 0, 16);
	for (size_t i = 0; i < 16383; i++)
		writer_u32(&message, 0x80220000);
	const char *text = shown((struct octets){message.data, message.length});
	assert_true(strlen(text) < 32768);
	assert_non_null(strstr(text, "and more attributes, in 63484 octets\n"));

	writer_reset(&message);
	writer_u16(&message, 1);
	writer_u16(&message, 65532);
	writer_fill(&message, 0, 16);
	writer_u32(&message, 0x8022FFF8);
	writer_fill(&message, 0xFF, 65528);
	text = shown((struct octets){message.data, message.length});
	assert_true(strlen(text) < 8192);
	assert_non_null(strstr(text, ", 763 are allowed: \"\\xFF"));
	assert_non_null(strstr(text, "\"... and 64728 more"));
	writer_free(&message);
}

static void a_full_writer_is_a_limit(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex(SAMPLE_REQUEST);
	struct writer small;
	struct error error;
	writer_init(&small, 100);
	assert_int_equal(stun_text(octets.data, octets.length, &small, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	writer_free(&small);
	free(octets.data);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_sample_request_reads_so, fresh, away),
		cmocka_unit_test_setup_teardown(each_kind_reads_so, fresh, away),
		cmocka_unit_test_setup_teardown(hostile_text_is_escaped, fresh, away),
		cmocka_unit_test_setup_teardown(what_is_broken_says_so, fresh, away),
		cmocka_unit_test_setup_teardown(other_octets_are_shown_too, fresh, away),
		cmocka_unit_test_setup_teardown(any_octets_are_survived, fresh, away),
		cmocka_unit_test_setup_teardown(the_text_of_the_worst_message_is_bounded, fresh, away),
		cmocka_unit_test_setup_teardown(a_full_writer_is_a_limit, fresh, away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
