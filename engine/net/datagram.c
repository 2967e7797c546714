// SPDX-License-Identifier: BSD-3-Clause
#include "net/datagram.h"

#include <string.h>

static int read_datagram(BIO *bio, char *octets, int size)
{
	struct datagram *datagram = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (!datagram->octets) {
		BIO_set_retry_read(bio);
		return -1;
	}
	// What does not fit is cut off, as a socket does it.
	size_t length = datagram->length < (size_t)size ? datagram->length : (size_t)size;
	memcpy(octets, datagram->octets, length);
	if (!datagram->peek)
		datagram->octets = NULL;
	return (int)length;
}

static int write_datagram(BIO *bio, const char *octets, int length)
{
	struct datagram *datagram = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	datagram->send(datagram->owner, octets, (size_t)length);
	return length;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	struct datagram *datagram = BIO_get_data(bio);
	(void)pointer;
	switch (command) {
	case BIO_CTRL_DGRAM_SET_PEEK_MODE:
		datagram->peek = number;
		return 1;
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
	case BIO_CTRL_DGRAM_SET_PEER:
		return 1;
	default:
		// Among them BIO_CTRL_DGRAM_GET_PEER: whose the datagram is, is not known here.
		return 0;
	}
}

static int create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

BIO *datagram_bio(struct datagram *datagram)
{
	static BIO_METHOD *method;
	if (!method) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");
		if (!method || BIO_meth_set_read(method, read_datagram) != 1 ||
		    BIO_meth_set_write(method, write_datagram) != 1 || BIO_meth_set_ctrl(method, control) != 1 ||
		    BIO_meth_set_create(method, create) != 1) {
			BIO_meth_free(method);
			method = NULL;
			return NULL;
		}
	}
	BIO *bio = BIO_new(method);
	if (bio)
		BIO_set_data(bio, datagram);
	return bio;
}
