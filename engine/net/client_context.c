// SPDX-License-Identifier: BSD-3-Clause
#include "net/client_context.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEPT 4

// What two clients of one context have in common. A file that is written anew under its name is another.
struct terms {
	char *ca; // owned; NULL: the system's
	dev_t device;
	ino_t file;
	off_t size;
	struct timespec changed;
	bool datagrams, insecure;
	enum secure_version minimum, maximum;
};

static struct {
	SSL_CTX *context; // NULL: free
	struct terms terms;
} kept[KEPT];
static unsigned next; // to be given up

// Without the name of the file. False when there is none that could be told from another.
static bool take_terms(const struct secure_settings *settings, bool datagrams, struct terms *terms)
{
	struct stat file;
	*terms = (struct terms){
		.datagrams = datagrams,
		.insecure = settings->insecure,
		.minimum = settings->minimum,
		.maximum = settings->maximum,
	};
	if (settings->insecure || !settings->ca)
		return true;
	if (stat(settings->ca, &file) < 0)
		return false;
	terms->device = file.st_dev;
	terms->file = file.st_ino;
	terms->size = file.st_size;
	terms->changed = file.st_ctim;
	return true;
}

static bool is_same(const struct terms *a, const struct terms *b, const char *ca)
{
	return a->datagrams == b->datagrams && a->insecure == b->insecure && a->minimum == b->minimum &&
	       a->maximum == b->maximum && a->device == b->device && a->file == b->file && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       (a->ca && ca ? strcmp(a->ca, ca) == 0 : !a->ca && !ca);
}

static void forget(unsigned place)
{
	SSL_CTX_free(kept[place].context);
	free(kept[place].terms.ca);
	memset(&kept[place], 0, sizeof kept[place]);
}

SSL_CTX *client_context_get(const struct secure_settings *settings, bool datagrams, struct error *error)
{
	struct terms terms;
	const char *ca = settings->insecure ? NULL : settings->ca;
	bool known = take_terms(settings, datagrams, &terms); // before the file is read, so that a newer one is noticed
	for (unsigned i = 0; known && i < KEPT; i++)
		if (kept[i].context && is_same(&kept[i].terms, &terms, ca) && SSL_CTX_up_ref(kept[i].context) == 1)
			return kept[i].context;
	SSL_CTX *context = secure_context(settings, datagrams, false, error);
	if (!context || !known || (ca && !(terms.ca = strdup(ca))))
		return context;
	if (SSL_CTX_up_ref(context) != 1) {
		free(terms.ca);
		return context;
	}
	forget(next);
	kept[next].context = context;
	kept[next].terms = terms;
	next = (next + 1) % KEPT;
	return context;
}
