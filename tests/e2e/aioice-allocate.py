#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
#
# A TURN client that nobody of this project wrote (aioice) at work: it allocates with long-term credentials, exchanges
# datagrams with a peer of its own through the relay, refreshes, and deletes the allocation.
#
#   aioice-allocate.py HOST PORT udp|tcp USER PASSWORD
#
# Prints a line for each thing that happened: "relayed ADDRESS PORT", "echoed OCTETS FROM PORT", "refreshed SECONDS",
# "deleted"; or "refused CODE". Status 0 when it came to an end, 1 when something did not arrive in time.
import asyncio
import os
import sys

from aioice import stun, turn

SIZES = (1, 2, 3, 4, 160, 1200)  # on TCP the first three show whether ChannelData is padded and the padding taken off
PATIENCE = 10  # seconds


class Echo(asyncio.DatagramProtocol):
    """The peer: sends back what it gets, with its octets turned round."""

    def connection_made(self, transport):
        self.transport = transport
        self.sources = set()

    def datagram_received(self, data, source):
        self.sources.add(source)
        self.transport.sendto(data[::-1], source)


class Inbox(asyncio.DatagramProtocol):
    """What reaches the client through its allocation."""

    def __init__(self):
        self.received = asyncio.Queue()

    def datagram_received(self, data, source):
        self.received.put_nowait((data, source))


async def exchange(host, port, transport_name, user, password):
    loop = asyncio.get_running_loop()
    peer_transport, peer = await loop.create_datagram_endpoint(Echo, local_addr=(host, 0))
    peer_address = peer_transport.get_extra_info("sockname")[:2]

    transport, inbox = await turn.create_turn_endpoint(
        Inbox, (host, port), username=user, password=password, lifetime=600, transport=transport_name
    )
    relayed = transport.get_extra_info("sockname")
    print("relayed %s %d" % relayed, flush=True)

    for size in SIZES:
        data = os.urandom(size)
        transport.sendto(data, peer_address)
        echoed, source = await asyncio.wait_for(inbox.received.get(), PATIENCE)
        assert echoed == data[::-1], "the octets changed on their way"
        assert source == peer_address, "the answer seems to come from %s" % (source,)
        print("echoed %d %s %d" % (size, source[0], source[1]), flush=True)
    assert peer.sources == {relayed}, "the peer saw %s" % peer.sources

    # aioice refreshes by itself after minutes; this is the same request now.
    client = transport._TurnTransport__inner_protocol
    request = stun.Message(message_method=stun.Method.REFRESH, message_class=stun.Class.REQUEST)
    request.attributes["LIFETIME"] = 900
    response, _ = await client.request_with_retry(request)
    print("refreshed %d" % response.attributes["LIFETIME"], flush=True)

    await client.delete()
    print("deleted", flush=True)
    peer_transport.close()


async def main():
    host, port, transport, user, password = sys.argv[1:]
    try:
        await asyncio.wait_for(exchange(host, int(port), transport, user, password), 5 * PATIENCE)
    except stun.TransactionFailed as failure:
        print("refused %d" % failure.response.attributes["ERROR-CODE"][0])
    except asyncio.TimeoutError:
        print("not in time")
        return 1
    return 0


sys.exit(asyncio.run(main()))
