// SPDX-License-Identifier: BSD-3-Clause
//
// require "system": files, folders and what the machine tells of itself. Nothing is buffered here: what a call has
// written is with the kernel when it returns, and a full disk or a reader that has gone is told by that very call.
#include "lua/modules.h"
#include "lua/state.h"

#include "base/error.h"
#include "base/version.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <lauxlib.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_TYPE "system.file"
#define LISTING "system.listing"
#define READ_LIMIT ((lua_Integer)64 << 20)
#define OPEN_FILES_OF_REMOVAL 16

static int push_done(lua_State *state, bool done, const struct error *error)
{
	if (!done)
		return state_push_error(state, error);
	lua_pushboolean(state, true);
	return 1;
}

static bool write_all(int file, const char *text, size_t length, struct error *error)
{
	size_t written = 0;
	while (written < length) {
		ssize_t count = write(file, &text[written], length - written);
		if (count >= 0) {
			written += (size_t)count;
		} else if (errno == EAGAIN) {
			// A terminal or pipe that somebody else made non-blocking.
			struct pollfd ready = {.fd = file, .events = POLLOUT};
			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			return error_set_errno(error, "cannot write"), false;
		}
	}
	return true;
}

// system.write(descriptor, text) -> true | nil, text
static int system_write(lua_State *state)
{
	size_t length;
	struct error error;
	lua_Integer file = luaL_checkinteger(state, 1);
	const char *text = luaL_checklstring(state, 2, &length);
	luaL_argcheck(state, file >= 0 && file <= INT_MAX, 1, "a file descriptor expected");
	return push_done(state, write_all((int)file, text, length, &error), &error);
}

// system.isatty(descriptor) -> boolean
static int system_isatty(lua_State *state)
{
	lua_Integer file = luaL_checkinteger(state, 1);
	lua_pushboolean(state, file >= 0 && file <= INT_MAX && isatty((int)file));
	return 1;
}

struct file {
	int descriptor; // -1 once closed
};

static struct file *check_open(lua_State *state)
{
	struct file *file = luaL_checkudata(state, 1, FILE_TYPE);
	luaL_argcheck(state, file->descriptor >= 0, 1, "the file is closed");
	return file;
}

static struct file *push_file(lua_State *state, const char *path, int flags)
{
	struct file *file = lua_newuserdatauv(state, sizeof *file, 0);
	file->descriptor = -1;
	luaL_setmetatable(state, FILE_TYPE);
	file->descriptor = open(path, flags | O_CLOEXEC, 0666);
	return file;
}

// system.open(path, "w" | "a") -> file | nil, text
static int system_open(lua_State *state)
{
	static const char *const modes[] = {"w", "a", NULL};
	static const int flags[] = {O_TRUNC, O_APPEND};
	struct error error;
	const char *path = luaL_checkstring(state, 1);
	int mode = luaL_checkoption(state, 2, "w", modes);
	struct file *file = push_file(state, path, O_WRONLY | O_CREAT | flags[mode]);
	if (file->descriptor >= 0)
		return 1;
	error_set_errno(&error, "cannot open %s", path);
	return state_push_error(state, &error);
}

// file:write(text) -> true | nil, text
//
// All of it or nothing: what a full disk took of the text is cut off again, so that no file ends in half a line.
static int file_write(lua_State *state)
{
	size_t length;
	struct error error;
	struct file *file = check_open(state);
	const char *text = luaL_checklstring(state, 2, &length);
	off_t before = lseek(file->descriptor, 0, SEEK_CUR);
	bool done = write_all(file->descriptor, text, length, &error);
	if (!done && before >= 0 && ftruncate(file->descriptor, before) == 0)
		lseek(file->descriptor, before, SEEK_SET);
	return push_done(state, done, &error);
}

// file:flush() -> true | nil, text
//
// The disk has it, too. What write() took outlives this program without it.
static int file_flush(lua_State *state)
{
	struct error error;
	struct file *file = check_open(state);
	// Pipes and terminals have no disk behind them.
	bool done = fdatasync(file->descriptor) == 0 || errno == EINVAL || errno == EROFS;
	if (!done)
		error_set_errno(&error, "cannot flush");
	return push_done(state, done, &error);
}

// file:close() -> true | nil, text; closing it again does nothing
static int file_close(lua_State *state)
{
	struct error error;
	struct file *file = luaL_checkudata(state, 1, FILE_TYPE);
	bool done = file->descriptor < 0 || close(file->descriptor) == 0;
	if (!done)
		error_set_errno(&error, "cannot close");
	file->descriptor = -1;
	return push_done(state, done, &error);
}

// system.read(path, limit?) -> text | nil, text
//
// The whole file; one of more than `limit` octets (64 MiB) is refused.
static int system_read(lua_State *state)
{
	luaL_Buffer content;
	struct error error;
	const char *path = luaL_checkstring(state, 1);
	lua_Integer limit = luaL_optinteger(state, 2, READ_LIMIT);
	luaL_argcheck(state, limit >= 0, 2, "a number of octets expected");
	struct file *file = push_file(state, path, O_RDONLY);
	size_t total = 0;
	ssize_t count = file->descriptor < 0 ? -1 : 1;
	luaL_buffinit(state, &content);
	while (count > 0 && total <= (size_t)limit) {
		char *place = luaL_prepbuffer(&content);
		count = read(file->descriptor, place, LUAL_BUFFERSIZE);
		if (count < 0 && errno == EINTR)
			count = 1;
		else if (count > 0) {
			luaL_addsize(&content, (size_t)count);
			total += (size_t)count;
		}
	}
	if (count < 0)
		error_set_errno(&error, "cannot read %s", path);
	else if (total > (size_t)limit)
		error_set(&error, ERROR_LIMIT, ERROR_NO_OFFSET, "%s is larger than %lld octets", path,
			  (long long)limit);
	if (file->descriptor >= 0)
		close(file->descriptor);
	file->descriptor = -1;
	luaL_pushresult(&content);
	return count < 0 || total > (size_t)limit ? state_push_error(state, &error) : 1;
}

static bool make_one(const char *path, struct error *error)
{
	struct stat status;
	if (mkdir(path, 0777) == 0)
		return true;
	if (errno == EEXIST) {
		if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
			return true;
		errno = ENOTDIR;
	}
	return error_set_errno(error, "cannot make the folder %s", path), false;
}

// system.make_folder(path) -> true | nil, text
//
// The folders above it as well; one that is there is fine.
static int system_make_folder(lua_State *state)
{
	char path[PATH_MAX];
	struct error error;
	size_t length;
	const char *wanted = luaL_checklstring(state, 1, &length);
	luaL_argcheck(state, length > 0 && length < sizeof path, 1, "a path expected");
	memcpy(path, wanted, length + 1);
	bool done = true;
	for (char *slash = strchr(&path[1], '/'); done && slash; slash = strchr(&slash[1], '/')) {
		*slash = 0;
		done = make_one(path, &error);
		*slash = '/';
	}
	return push_done(state, done && make_one(path, &error), &error);
}

// system.temporary_folder() -> path | nil, text
//
// A new folder that nobody else may enter, under TMPDIR or /tmp. Removing it is the caller's.
static int system_temporary_folder(lua_State *state)
{
	char path[PATH_MAX];
	struct error error;
	const char *parent = getenv("TMPDIR");
	int length = snprintf(path, sizeof path, "%s/assay-XXXXXX", parent && *parent ? parent : "/tmp");
	if (length < 0 || (size_t)length >= sizeof path)
		errno = ENAMETOOLONG;
	else if (mkdtemp(path)) {
		lua_pushstring(state, path);
		return 1;
	}
	error_set_errno(&error, "cannot make a temporary folder");
	return state_push_error(state, &error);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

// system.remove_folder(path) -> true | nil, text
//
// With all that is in it; links are removed and never followed. One that is not there is fine.
static int system_remove_folder(lua_State *state)
{
	struct error error;
	const char *path = luaL_checkstring(state, 1);
	size_t meant = strspn(path, "/.");
	luaL_argcheck(state, path[meant] != 0, 1, "the path of a folder that may go expected");
	bool done = nftw(path, remove_entry, OPEN_FILES_OF_REMOVAL, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
	if (!done)
		error_set_errno(&error, "cannot remove %s", path);
	return push_done(state, done, &error);
}

struct listing {
	struct dirent **entries;
	int count; // negative: none
};

static int is_named(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

// By octets, so that the order is that of no locale.
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_folder(const char *path, const char *name)
{
	char whole[PATH_MAX];
	struct stat status;
	int length = snprintf(whole, sizeof whole, "%s/%s", path, name);
	return length > 0 && (size_t)length < sizeof whole && stat(whole, &status) == 0 && S_ISDIR(status.st_mode);
}

// system.list(path) -> array of { name=, folder=boolean, link=boolean } | nil, text
//
// Sorted by name; without "." and "..". A link to a folder is a folder too.
static int system_list(lua_State *state)
{
	struct error error;
	const char *path = luaL_checkstring(state, 1);
	struct listing *listing = lua_newuserdatauv(state, sizeof *listing, 0);
	*listing = (struct listing){NULL, -1};
	luaL_setmetatable(state, LISTING);
	listing->count = scandir(path, &listing->entries, is_named, by_name);
	if (listing->count < 0) {
		error_set_errno(&error, "cannot list %s", path);
		return state_push_error(state, &error);
	}
	lua_createtable(state, listing->count, 0);
	for (int i = 0; i < listing->count; i++) {
		const char *name = listing->entries[i]->d_name;
		lua_createtable(state, 0, 3);
		lua_pushstring(state, name);
		lua_setfield(state, -2, "name");
		lua_pushboolean(state, is_folder(path, name));
		lua_setfield(state, -2, "folder");
		lua_pushboolean(state, listing->entries[i]->d_type == DT_LNK);
		lua_setfield(state, -2, "link");
		lua_rawseti(state, -2, i + 1);
	}
	return 1;
}

static int listing_gc(lua_State *state)
{
	struct listing *listing = luaL_checkudata(state, 1, LISTING);
	for (int i = 0; i < listing->count; i++)
		free(listing->entries[i]);
	if (listing->count >= 0)
		free(listing->entries);
	*listing = (struct listing){NULL, -1};
	return 0;
}

// system.exists(path) -> boolean
static int system_exists(lua_State *state)
{
	struct stat status;
	lua_pushboolean(state, stat(luaL_checkstring(state, 1), &status) == 0);
	return 1;
}

// system.root() -> the folder that holds suites/ and reports/
static int system_root(lua_State *state)
{
	lua_getfield(state, LUA_REGISTRYINDEX, "assay.root");
	return 1;
}

// system.program() -> the path of the running program | nil, text
static int system_program(lua_State *state)
{
	char path[PATH_MAX];
	struct error error;
	ssize_t length = readlink("/proc/self/exe", path, sizeof path);
	if (length < 0) {
		error_set_errno(&error, "cannot tell which program this is");
		return state_push_error(state, &error);
	}
	lua_pushlstring(state, path, (size_t)length);
	return 1;
}

// system.version() -> text
static int system_version(lua_State *state)
{
	lua_pushliteral(state, ASSAY_VERSION);
	return 1;
}

// system.environment(name) -> text | nil
static int system_environment(lua_State *state)
{
	lua_pushstring(state, getenv(luaL_checkstring(state, 1)));
	return 1;
}

static void set_usage(lua_State *state, int whose, const char *prefix)
{
	struct rusage usage;
	if (getrusage(whose, &usage) < 0)
		memset(&usage, 0, sizeof usage);
	lua_pushfstring(state, "%suser", prefix);
	lua_pushnumber(state, (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6);
	lua_rawset(state, -3);
	lua_pushfstring(state, "%ssystem", prefix);
	lua_pushnumber(state, (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6);
	lua_rawset(state, -3);
	lua_pushfstring(state, "%speak_kib", prefix);
	lua_pushinteger(state, usage.ru_maxrss);
	lua_rawset(state, -3);
}

// The most memory this program had resident, in KiB; 0: the kernel does not tell. getrusage counts what the process had
// before it became this program, so that it may be that of whoever started it.
static long own_peak(void)
{
	char line[256];
	long peak = 0;
	FILE *file = fopen("/proc/self/status", "re");
	while (file && !peak && fgets(line, sizeof line, file))
		if (strncmp(line, "VmHWM:", 6) == 0)
			peak = strtol(&line[6], NULL, 10);
	if (file)
		fclose(file);
	return peak;
}

// system.usage() -> { user=, system=, peak_kib=, children_user=, children_system=, children_peak_kib= }
//
// Seconds of processor time and the most memory resident, of this process and of its children that have ended.
static int system_usage(lua_State *state)
{
	lua_createtable(state, 0, 6);
	set_usage(state, RUSAGE_SELF, "");
	set_usage(state, RUSAGE_CHILDREN, "children_");
	long peak = own_peak();
	if (peak > 0) {
		lua_pushinteger(state, peak);
		lua_setfield(state, -2, "peak_kib");
	}
	return 1;
}

// system.processors() -> how many processors this process may use
static int system_processors(lua_State *state)
{
	cpu_set_t allowed;
	CPU_ZERO(&allowed);
	int count = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
	lua_pushinteger(state, count > 0 ? count : 1);
	return 1;
}

// system.descriptors() -> how many files and sockets this process may have open, once it has asked for the most it may
static int system_descriptors(lua_State *state)
{
	enum { MOST = 1 << 20, SAFE = 256 };
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < MOST ? limit.rlim_max : MOST;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		limit.rlim_cur = SAFE;
	lua_pushinteger(state, limit.rlim_cur < MOST ? (lua_Integer)limit.rlim_cur : MOST);
	return 1;
}

int luaopen_system(lua_State *state)
{
	static const luaL_Reg functions[] = {
		{"write", system_write},
		{"isatty", system_isatty},
		{"open", system_open},
		{"read", system_read},
		{"make_folder", system_make_folder},
		{"temporary_folder", system_temporary_folder},
		{"remove_folder", system_remove_folder},
		{"list", system_list},
		{"exists", system_exists},
		{"root", system_root},
		{"program", system_program},
		{"version", system_version},
		{"environment", system_environment},
		{"usage", system_usage},
		{"processors", system_processors},
		{"descriptors", system_descriptors},
		{NULL, NULL},
	};
	static const luaL_Reg file_methods[] = {
		{"write", file_write},   {"flush", file_flush}, {"close", file_close},
		{"__close", file_close}, {"__gc", file_close},  {NULL, NULL},
	};
	state_make_class(state, FILE_TYPE, file_methods);
	luaL_newmetatable(state, LISTING);
	lua_pushcfunction(state, listing_gc);
	lua_setfield(state, -2, "__gc");
	lua_pop(state, 1);
	luaL_newlib(state, functions);
	return 1;
}
