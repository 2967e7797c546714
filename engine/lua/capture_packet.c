// SPDX-License-Identifier: BSD-3-Clause
#include "lua/capture_packet.h"

#include "lua/field.h"

#include <lauxlib.h>

static const char *const protocol_names[] = {
	[PACKET_OTHER] = NULL, [PACKET_UDP] = "udp", [PACKET_TCP] = "tcp", [PACKET_ICMP] = "icmp"};

static void push_address(lua_State *state, const struct packet_address *address, enum packet_protocol protocol)
{
	char text[INET6_ADDRSTRLEN];
	lua_createtable(state, 0, 2);
	lua_pushstring(state, packet_address_text(address, text));
	lua_setfield(state, -2, "address");
	if (protocol == PACKET_UDP || protocol == PACKET_TCP) {
		lua_pushinteger(state, address->port);
		lua_setfield(state, -2, "port");
	}
}

static void set_addresses(lua_State *state, const struct packet_address *source,
			  const struct packet_address *destination, enum packet_protocol protocol)
{
	if (!source->family)
		return;
	push_address(state, source, protocol);
	lua_setfield(state, -2, "source");
	push_address(state, destination, protocol);
	lua_setfield(state, -2, "destination");
}

static void push_icmp(lua_State *state, const struct packet *packet)
{
	const struct packet_inner *inner = &packet->inner;
	lua_createtable(state, 0, 4);
	field_set_integer(state, "type", packet->icmp_type);
	field_set_integer(state, "code", packet->icmp_code);
	lua_pushstring(state, packet_icmp_text(packet->source.family, packet->icmp_type, packet->icmp_code));
	lua_setfield(state, -2, "text");
	if (!inner->source.family)
		return;
	lua_createtable(state, 0, 4);
	lua_pushstring(state, protocol_names[inner->protocol]);
	lua_setfield(state, -2, "protocol");
	set_addresses(state, &inner->source, &inner->destination, inner->protocol);
	field_set_octets(state, "payload", inner->payload, inner->payload_length);
	lua_setfield(state, -2, "inner");
}

static void push_tcp(lua_State *state, const struct packet *packet)
{
	lua_createtable(state, 0, 7);
	field_set_integer(state, "seq", packet->tcp_sequence);
	field_set_integer(state, "ack", packet->tcp_acknowledgement);
	field_set_boolean(state, "syn", packet->tcp_flags & PACKET_TCP_SYN);
	field_set_boolean(state, "fin", packet->tcp_flags & PACKET_TCP_FIN);
	field_set_boolean(state, "rst", packet->tcp_flags & PACKET_TCP_RST);
}

// A packet is a table:
//
//	time            seconds since 1970; nanoseconds: the same as an integer, not rounded
//	link            link type (1 Ethernet, 101 raw IP, ...)
//	data            the frame as captured; length: octets it had on the wire
//	protocol        "udp", "tcp" or "icmp" (ICMPv6 too); nil when none of these was reached
//	source          {address=, port=} (no port with icmp), and so destination; nil when there was no IP header
//	payload         what UDP, TCP or the ICMP header carries
//	payload_offset  where it begins in data, from 0
//	tcp             {seq=, ack=, syn=, fin=, rst=}
//	icmp            {type=, code=, text=, inner={protocol=, source=, destination=, payload=}}; inner: of an ICMP
//	                error, the packet it is about, its payload as much as was sent back
//	comment         of a pcapng file
//	cut             true when less of the payload was captured than there was
//	fragment        true for an IP fragment
//	problem         a text: why decoding ended early, or what is wrong with the packet; nil when all is well
void capture_packet_push(lua_State *state, const struct packet *packet)
{
	lua_createtable(state, 0, 12);
	// In two parts, because 1e9 times as many seconds are more than a float holds exactly.
	lua_pushnumber(state, (lua_Number)(packet->time / 1000000000) + (lua_Number)(packet->time % 1000000000) / 1e9);
	lua_setfield(state, -2, "time");
	field_set_integer(state, "nanoseconds", (lua_Integer)packet->time);
	field_set_integer(state, "link", packet->link);
	field_set_integer(state, "length", (lua_Integer)packet->length);
	field_set_octets(state, "data", packet->data, packet->captured);
	lua_pushstring(state, protocol_names[packet->protocol]);
	lua_setfield(state, -2, "protocol");
	set_addresses(state, &packet->source, &packet->destination, packet->protocol);
	if (packet->payload) {
		field_set_octets(state, "payload", packet->payload, packet->payload_length);
		field_set_integer(state, "payload_offset", packet->payload - packet->data);
	}
	if (packet->protocol == PACKET_TCP) {
		push_tcp(state, packet);
		lua_setfield(state, -2, "tcp");
	} else if (packet->protocol == PACKET_ICMP) {
		push_icmp(state, packet);
		lua_setfield(state, -2, "icmp");
	}
	if (packet->comment)
		field_set_octets(state, "comment", packet->comment, packet->comment_length);
	if (packet->cut)
		field_set_boolean(state, "cut", true);
	if (packet->fragment)
		field_set_boolean(state, "fragment", true);
	if (packet->problem) {
		lua_pushstring(state, packet->problem);
		lua_setfield(state, -2, "problem");
	}
}

struct packet_address capture_packet_address(lua_State *state, int table, const char *name)
{
	struct packet_address address = {0};
	size_t length;
	if (lua_getfield(state, table, name) != LUA_TTABLE)
		luaL_error(state, "field '%s': an address {address=, port=} expected, got %s", name,
			   luaL_typename(state, -1));
	const char *text = field_text(state, lua_gettop(state), "address", true, &length);
	if (!packet_address_parse(text, &address))
		luaL_error(state, "field '%s': '%s' is not a numeric IP address", name, text);
	address.port = (uint16_t)field_integer(state, lua_gettop(state), "port", 0, 0, UINT16_MAX);
	lua_pop(state, 1);
	return address;
}
