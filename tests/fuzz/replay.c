// SPDX-License-Identifier: BSD-3-Clause
//
// Calls a fuzz target once for each file that is named, and for each file of each folder. It stands in for libFuzzer
// where nothing is searched for: in make test, and with a compiler that has no libFuzzer. A finding ends the process;
// the last line on stderr then names the file.
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define LARGEST (1u << 20) // octets of an input

static unsigned count;

static int play_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *octets = malloc(LARGEST);
	if (!file || !octets) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		free(octets);
		return -1;
	}
	size_t length = fread(octets, 1, LARGEST, file);
	fclose(file);
	uint8_t *exact = fuzz_copy(octets, length);
	free(octets);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(exact, length);
	free(exact);
	count++;
	return 0;
}

static int play_folder(const char *path, DIR *folder)
{
	for (struct dirent *entry; (entry = readdir(folder));) {
		char name[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		if (play_file(name) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		int outcome = folder ? play_folder(argv[i], folder) : play_file(argv[i]);
		if (folder)
			closedir(folder);
		if (outcome < 0)
			return 2;
	}
	printf("%u inputs\n", count);
	return count ? 0 : 2;
}
