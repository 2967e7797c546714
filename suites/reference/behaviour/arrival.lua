-- SPDX-License-Identifier: BSD-3-Clause
--
-- What comes to the server before it is looked at: octets, frames of a stream, connections.

local net = require "net"

local arrival = {}

-- Whether what came is looked at at all.
function arrival.admits(_, _, _)
  return true
end

-- Listens for the connections of a transport other than UDP. nil, text when the address is not to be had.
function arrival.listens(_, transport, settings)
  return net[transport .. "_listener"](settings)
end

-- The next frame of a connection; nil, text when there will be none, nil, "timeout" when none came for so many seconds
-- (nil: for ever).
function arrival.next_frame(connection, seconds)
  return connection:receive(seconds)
end

-- Connections that are served at once.
function arrival.most_connections(_)
  return 256
end

return arrival
