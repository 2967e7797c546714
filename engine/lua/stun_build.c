// SPDX-License-Identifier: BSD-3-Clause
#include "lua/stun_build.h"

#include "base/error.h"
#include "lua/state.h"
#include "lua/stun_value.h"
#include "stun/edit.h"
#include "stun/integrity.h"

#include <lauxlib.h>
#include <openssl/rand.h>
#include <string.h>

#define WORKSHOP_TYPE "stun.workshop"

struct stun_workshop *stun_lua_workshop(lua_State *state)
{
	struct stun_workshop *workshop = lua_touserdata(state, lua_upvalueindex(1));
	// A finalizer of a script may run after ours when the state is closed.
	if (!workshop->integrity)
		luaL_error(state, "the stun module is closed");
	return workshop;
}

static int workshop_free(lua_State *state)
{
	struct stun_workshop *workshop = luaL_checkudata(state, 1, WORKSHOP_TYPE);
	stun_integrity_free(workshop->integrity);
	workshop->integrity = NULL;
	writer_free(&workshop->message);
	writer_free(&workshop->value);
	return 0;
}

void stun_lua_push_workshop(lua_State *state)
{
	struct stun_workshop *workshop = lua_newuserdatauv(state, sizeof *workshop, 0);
	struct error error;
	*workshop = (struct stun_workshop){0};
	// Room for a message of the largest size and what edits append to it.
	writer_init(&workshop->message, 4 * STUN_SIZE_LIMIT);
	writer_init(&workshop->value, STUN_SIZE_LIMIT);
	if (luaL_newmetatable(state, WORKSHOP_TYPE)) {
		lua_pushcfunction(state, workshop_free);
		lua_setfield(state, -2, "__gc");
	}
	lua_setmetatable(state, -2);
	workshop->integrity = stun_integrity_new(&error);
	if (!workshop->integrity)
		luaL_error(state, "%s", error.text);
}

// Everything that is taken out of the tables of a script lives in memory that Lua owns (userdata of the right size, and
// strings anchored in a table), so that a wrong argument may throw at any place. The draft is made in the end, by calls
// that do not throw.
struct plan {
	struct stun_workshop *workshop;
	int anchors; // stack index of a table that keeps encoded values alive
	uint16_t type;
	uint32_t cookie;
	uint8_t transaction[STUN_TRANSACTION_SIZE];
	struct stun_draft_attribute *attributes;
	size_t attribute_count;
	struct stun_edit *edits;
	struct stun_draft_attribute *inserted; // as many as there are edits
	size_t edit_count;
};

static struct stun_octets check_octets(lua_State *state, int index, const char *what)
{
	struct stun_octets octets;
	if (lua_type(state, index) != LUA_TSTRING)
		luaL_error(state, "%s: a string is wanted, not a %s", what, luaL_typename(state, index));
	octets.data = (const uint8_t *)lua_tolstring(state, index, &octets.length);
	return octets;
}

static const char *const none[] = {NULL};

// A mistyped option, or a hole in a list, would silently leave a message correct, so every key must be known.
static void check_keys(lua_State *state, int index, lua_Integer positions, const char *const *names, const char *what)
{
	lua_pushnil(state);
	while (lua_next(state, index)) {
		bool known = false;
		if (lua_isinteger(state, -2)) {
			known = lua_tointeger(state, -2) >= 1 && lua_tointeger(state, -2) <= positions;
		} else if (lua_type(state, -2) == LUA_TSTRING) {
			for (const char *const *name = names; *name && !known; name++)
				known = strcmp(*name, lua_tostring(state, -2)) == 0;
		}
		lua_pop(state, 1);
		if (!known)
			luaL_error(state, "%s: there is no field '%s'", what, luaL_tolstring(state, -1, NULL));
	}
}

static void check_attribute(lua_State *state, int index, struct plan *plan, struct stun_draft_attribute *attribute)
{
	static const char *const options[] = {"key", "size", "length", "padding", NULL};
	char name[STUN_ATTRIBUTE_NAME_SIZE];
	index = lua_absindex(state, index);
	luaL_checkstack(state, 12, NULL);
	if (!lua_istable(state, index))
		luaL_error(state, "an attribute is a table {name, value}, not a %s", luaL_typename(state, index));
	lua_rawgeti(state, index, 1);
	*attribute = (struct stun_draft_attribute){.type = stun_lua_type(state, -1, "attribute")};
	stun_attribute_name(attribute->type, name);
	check_keys(state, index, 2, options, name);
	lua_pop(state, 1);

	bool signs = attribute->type == STUN_MESSAGE_INTEGRITY || attribute->type == STUN_MESSAGE_INTEGRITY_SHA256;
	bool has_value = lua_rawgeti(state, index, 2) != LUA_TNIL;
	bool has_key = stun_lua_push_field(state, index, "key") != LUA_TNIL;
	bool has_size = stun_lua_push_field(state, index, "size") != LUA_TNIL;
	if (has_key && (has_value || !signs))
		luaL_error(state, "%s: a key is for an integrity attribute without a value", name);
	if (has_size && !(has_key && attribute->type == STUN_MESSAGE_INTEGRITY_SHA256))
		luaL_error(state, "%s: a size is for MESSAGE-INTEGRITY-SHA256 with a key", name);
	if (has_size)
		attribute->size = (size_t)stun_lua_number(state, -1, STUN_INTEGRITY_SHA256_SIZE, "field 'size'");
	if (has_size && attribute->size == 0)
		luaL_error(state, "%s: a size of 0 computes nothing, give \"\" as value", name);
	if (has_key) {
		attribute->role = STUN_ROLE_INTEGRITY;
		attribute->key = check_octets(state, -2, "field 'key'");
	} else if (signs && !has_value) {
		luaL_error(state, "%s: a key or a value is wanted", name);
	} else if (attribute->type == STUN_FINGERPRINT && !has_value) {
		attribute->role = STUN_ROLE_FINGERPRINT;
	} else {
		attribute->value = stun_lua_check_value(state, -3, attribute->type, plan->transaction,
							&plan->workshop->value, plan->anchors);
	}
	lua_pop(state, 3);

	attribute->has_length = stun_lua_push_field(state, index, "length") != LUA_TNIL;
	if (attribute->has_length)
		attribute->length = (uint16_t)stun_lua_number(state, -1, UINT16_MAX, "field 'length'");
	attribute->has_padding = stun_lua_push_field(state, index, "padding") != LUA_TNIL;
	if (attribute->has_padding)
		attribute->padding = check_octets(state, -1, "field 'padding'");
	lua_pop(state, 2);
}

static void check_place(lua_State *state, int index, struct stun_edit *edit, const char *what)
{
	if (stun_lua_push_field(state, index, "before") != LUA_TNIL) {
		edit->place = STUN_EDIT_BEFORE;
		edit->anchor = stun_lua_type(state, -1, what);
	}
	if (stun_lua_push_field(state, index, "after") != LUA_TNIL) {
		if (edit->place == STUN_EDIT_BEFORE)
			luaL_error(state, "%s: before and after exclude each other", what);
		edit->place = STUN_EDIT_AFTER;
		edit->anchor = stun_lua_type(state, -1, what);
	}
	lua_pop(state, 2);
}

static void check_edit(lua_State *state, int index, struct plan *plan, struct stun_edit *edit,
		       struct stun_draft_attribute *inserted)
{
	static const char *const places[] = {"before", "after", NULL};
	index = lua_absindex(state, index);
	luaL_checkstack(state, 12, NULL);
	if (!lua_istable(state, index) || lua_rawgeti(state, index, 1) != LUA_TSTRING)
		luaL_error(state, "an edit is a table that begins with its name");
	const char *name = lua_tostring(state, -1);
	int verb = stun_edit_find(name);
	if (verb < 0)
		luaL_error(state, "there is no edit '%s'", name);
	*edit = (struct stun_edit){.verb = (enum stun_edit_verb)verb};
	const char *what = lua_pushfstring(state, "edit '%s'", name);
	bool placed = verb == STUN_EDIT_INSERT || verb == STUN_EDIT_MOVE;
	check_keys(state, index, 3, placed ? places : none, what);
	lua_rawgeti(state, index, 2);
	lua_rawgeti(state, index, 3);
	int first = lua_absindex(state, -2), second = lua_absindex(state, -1);
	if (stun_edit_names_attribute(edit->verb))
		edit->attribute = stun_lua_type(state, first, what);
	if (placed)
		check_place(state, index, edit, what);
	switch (edit->verb) {
	case STUN_EDIT_INSERT:
		check_attribute(state, first, plan, inserted);
		edit->insert = inserted;
		break;
	case STUN_EDIT_DUPLICATE:
	case STUN_EDIT_REPLACE:
		edit->has_octets = edit->verb == STUN_EDIT_REPLACE || !lua_isnil(state, second);
		if (edit->has_octets)
			edit->octets = stun_lua_check_value(state, second, edit->attribute, plan->transaction,
							    &plan->workshop->value, plan->anchors);
		break;
	case STUN_EDIT_LENGTH:
	case STUN_EDIT_FLIP:
		edit->number = (size_t)stun_lua_number(state, second, STUN_SIZE_LIMIT * 8, what);
		break;
	case STUN_EDIT_PADDING:
	case STUN_EDIT_KEY:
	case STUN_EDIT_VALUE:
		edit->octets = check_octets(state, second, what);
		break;
	case STUN_EDIT_OVERWRITE:
		edit->number = (size_t)stun_lua_number(state, first, STUN_SIZE_LIMIT, what);
		edit->octets = check_octets(state, second, what);
		break;
	case STUN_EDIT_HEADER_LENGTH:
	case STUN_EDIT_TRUNCATE:
		edit->number = (size_t)stun_lua_number(state, first, STUN_SIZE_LIMIT, what);
		break;
	case STUN_EDIT_APPEND:
		edit->octets = check_octets(state, first, what);
		break;
	case STUN_EDIT_REMOVE:
	case STUN_EDIT_MOVE:
		break;
	}
	lua_pop(state, 4);
}

// Takes the list at the top of the stack, and leaves on the stack what holds the result.
static void check_attributes(lua_State *state, struct plan *plan)
{
	int list = lua_gettop(state);
	plan->attribute_count = lua_rawlen(state, list);
	check_keys(state, list, (lua_Integer)plan->attribute_count, none, "attributes");
	plan->attributes = lua_newuserdatauv(state, (plan->attribute_count + 1) * sizeof *plan->attributes, 0);
	for (size_t i = 0; i < plan->attribute_count; i++) {
		lua_rawgeti(state, list, (lua_Integer)i + 1);
		check_attribute(state, -1, plan, &plan->attributes[i]);
		lua_pop(state, 1);
	}
}

static void check_edits(lua_State *state, struct plan *plan)
{
	int list = lua_gettop(state);
	plan->edit_count = lua_rawlen(state, list);
	check_keys(state, list, (lua_Integer)plan->edit_count, none, "edits");
	plan->edits = lua_newuserdatauv(state, (plan->edit_count + 1) * sizeof *plan->edits, 0);
	plan->inserted = lua_newuserdatauv(state, (plan->edit_count + 1) * sizeof *plan->inserted, 0);
	for (size_t i = 0; i < plan->edit_count; i++) {
		lua_rawgeti(state, list, (lua_Integer)i + 1);
		check_edit(state, -1, plan, &plan->edits[i], &plan->inserted[i]);
		lua_pop(state, 1);
	}
}

static void check_type(lua_State *state, struct plan *plan)
{
	if (stun_lua_push_field(state, 1, "type") != LUA_TNIL) {
		plan->type = (uint16_t)stun_lua_number(state, -1, UINT16_MAX, "field 'type'");
		lua_pop(state, 1);
		return;
	}
	stun_lua_push_field(state, 1, "class");
	int class = lua_type(state, -1) == LUA_TSTRING ? stun_class_find(lua_tostring(state, -1)) : -1;
	if (class < 0)
		luaL_error(state, "field 'class' is \"request\", \"indication\", \"success\" or \"error\"");
	int method;
	if (stun_lua_push_field(state, 1, "method") == LUA_TSTRING)
		method = stun_method_find(lua_tostring(state, -1));
	else
		method = (int)stun_lua_number(state, -1, 0xFFF, "field 'method'");
	if (method < 0)
		luaL_error(state, "field 'method': there is no method '%s'", lua_tostring(state, -1));
	plan->type = stun_type((enum stun_class) class, (uint16_t)method);
	lua_pop(state, 3);
}

static void check_header(lua_State *state, struct plan *plan)
{
	check_type(state, plan);
	plan->cookie = STUN_MAGIC_COOKIE;
	if (stun_lua_push_field(state, 1, "cookie") != LUA_TNIL)
		plan->cookie = (uint32_t)stun_lua_number(state, -1, UINT32_MAX, "field 'cookie'");
	if (stun_lua_push_field(state, 1, "transaction") == LUA_TNIL) {
		if (RAND_bytes(plan->transaction, sizeof plan->transaction) != 1)
			luaL_error(state, "OpenSSL has no random octets");
	} else {
		struct stun_octets octets = check_octets(state, -1, "field 'transaction'");
		if (octets.length != sizeof plan->transaction)
			luaL_error(state, "field 'transaction' has 12 octets, not %d", (int)octets.length);
		memcpy(plan->transaction, octets.data, octets.length);
	}
	lua_pop(state, 2);
}

// A list that may be left out.
static void push_list(lua_State *state, const char *field)
{
	int type = stun_lua_push_field(state, 1, field);
	if (type == LUA_TNIL) {
		lua_pop(state, 1);
		lua_newtable(state);
	} else if (type != LUA_TTABLE) {
		luaL_error(state, "field '%s' is a list, not a %s", field, luaL_typename(state, -1));
	}
}

// From here to the end nothing throws, so the draft cannot be lost.
static int carry_out(const struct plan *plan, struct error *error)
{
	struct stun_draft draft;
	int outcome = 0;
	stun_draft_init(&draft, plan->type, plan->cookie, plan->transaction);
	for (size_t i = 0; i < plan->attribute_count && outcome == 0; i++)
		outcome = stun_draft_insert(&draft, i, &plan->attributes[i], error);
	writer_reset(&plan->workshop->message);
	if (outcome == 0)
		outcome = stun_edit_build(&draft, plan->edits, plan->edit_count, plan->workshop->integrity,
					  &plan->workshop->message, error);
	stun_draft_free(&draft);
	return outcome;
}

// A message that cannot be made is a failure; an edit that does not apply is a mistake in the script.
static int finish(lua_State *state, const struct stun_workshop *workshop, int outcome, const struct error *error)
{
	if (outcome < 0 && (error->code == ERROR_NOT_ALLOWED || error->code == ERROR_UNKNOWN))
		return luaL_error(state, "%s", error->text);
	if (outcome < 0)
		return state_push_error(state, error);
	lua_pushlstring(state, (const char *)workshop->message.data, workshop->message.length);
	return 1;
}

// stun.build{ class=, method=, transaction=, cookie=, type=, attributes={...}, edits={...} } -> octets | nil, text
//
// Builds a message. class is "request", "indication", "success" or "error"; method a name ("Allocate") or a number up
// to 0xFFF; type, 16 bits as they are to stand in the header, replaces both. transaction is a string of 12 octets,
// random if left out; cookie the magic one unless given.
//
// An attribute is {name or number, value, options}. The value has the form that message:get gives for this attribute; a
// string where that form is no string is taken as the raw value. ERROR-CODE also takes the code alone, and then has the
// usual reason. Options:
//   length=n        the length field says n, whatever the value has
//   padding=octets  exactly these follow the value ("" for none); else zeros up to a multiple of four
//   key=octets      MESSAGE-INTEGRITY and -SHA256 without a value are computed with this key over what precedes them
//   size=n          octets of MESSAGE-INTEGRITY-SHA256, 32 unless given
// {"FINGERPRINT"} without a value is computed too.
//
// Edits break the message where they say and nowhere else. Those of the first group change what is built, and integrity
// is computed over the result; those of the second change octets afterwards. The first group is done first:
//   {"remove", attr}                 all of that type
//   {"insert", attribute, before=attr | after=attr}    at the end without either
//   {"move", attr, before=attr | after=attr}
//   {"duplicate", attr, value?}      right behind the first
//   {"replace", attr, value}         also of an attribute that would have been computed
//   {"length", attr, n}  {"padding", attr, octets}  {"key", attr, octets}
//
//   {"flip", attr, bit}              of the value of the first such attribute; bit 0 is the highest of its first octet
//   {"value", attr, octets}          overwrites the start of the value
//   {"overwrite", offset, octets}    anywhere in the message, the first octet is 0
//   {"header-length", n}  {"truncate", octets kept}  {"append", octets}
//
// Throws for misuse, which an edit is that would change nothing: an attribute that is not there, a bit behind the end.
// What cannot be expressed, more than 65535 octets, is nil and a text.
int stun_lua_build(lua_State *state)
{
	static const char *const fields[] = {"class",  "method",     "type",  "transaction",
					     "cookie", "attributes", "edits", NULL};
	struct plan plan = {.workshop = stun_lua_workshop(state)};
	struct error error;
	luaL_checktype(state, 1, LUA_TTABLE);
	lua_settop(state, 1);
	check_keys(state, 1, 0, fields, "stun.build");
	lua_newtable(state);
	plan.anchors = 2;
	check_header(state, &plan);
	push_list(state, "attributes");
	check_attributes(state, &plan);
	push_list(state, "edits");
	check_edits(state, &plan);
	int outcome = carry_out(&plan, &error);
	return finish(state, plan.workshop, outcome, &error);
}

// stun.edit(octets, edits) -> octets | nil, text
//
// Edits a message that exists, by edits of the second group above. Attributes are found by following its lengths as far
// as they lead. Throws for misuse, as stun.build does.
int stun_lua_edit(lua_State *state)
{
	struct plan plan = {.workshop = stun_lua_workshop(state)};
	struct error error;
	size_t length;
	const char *octets = luaL_checklstring(state, 1, &length);
	luaL_checktype(state, 2, LUA_TTABLE);
	lua_settop(state, 2);
	lua_newtable(state);
	plan.anchors = 3;
	lua_pushvalue(state, 2);
	check_edits(state, &plan);
	writer_reset(&plan.workshop->message);
	writer_bytes(&plan.workshop->message, octets, length);
	int outcome = plan.workshop->message.failed
			      ? error_set(&error, ERROR_LIMIT, ERROR_NO_OFFSET, "%zu octets are no message", length)
			      : stun_edit_apply(&plan.workshop->message, plan.edits, plan.edit_count, &error);
	return finish(state, plan.workshop, outcome, &error);
}
