-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in what reads TLS and DTLS, which a reference that leaves this to OpenSSL does not have: somebody stands
-- before its port, sees the octets as they come, and passes them on. Only the robustness suite sends what they fall to.

local change = require "reference.faults.change"
local net = require "net"

local MOST_CLIENTS <const> = 256 -- of DTLS whose way back is kept

-- Passes on what one side of a stream says to the other.
local function pass(server, from, to, look)
  while server.running do
    local octets = from:receive()
    if not octets then break end
    if look and look(octets) then break end
    if not to:send(octets) then break end
  end
  from:close()
  to:close()
  server.open[from], server.open[to] = nil, nil
end

-- In front of TLS. judge(seen, octets): what is made of octets that a client sent, `seen` being a table of its own.
local function relay_stream(server, public, hidden, guard)
  while server.running do
    local connection, problem = public:accept()
    if connection then connection:unframed() end -- before anything else comes
    local behind = connection and guard.admits() and net.tcp { remote = hidden, timeout = 5 }
    if behind then
      server.open[connection], server.open[behind:unframed()] = true, true
      local seen = {}
      net.spawn(function()
        pass(server, connection, behind, function(octets) return guard.judge(server, seen, octets) end)
        guard.leaves()
      end)
      net.spawn(function() pass(server, behind, connection) end)
    elseif connection then
      server.open[connection] = true -- it is kept waiting
    elseif problem == "closed" then
      return
    end
  end
end

-- In front of DTLS.
local function relay_datagrams(server, public, hidden, guard)
  local clients, order = {}, {}
  while server.running do
    local octets, from = public:receive()
    if octets then
      local name = from.address .. " " .. from.port
      if not clients[name] and guard.admits() then
        local behind = net.udp { remote = hidden }
        clients[name], order[#order + 1] = behind, name
        server.open[behind] = true
        net.spawn(function()
          while true do
            local answer, why = behind:receive()
            if not answer and why == "closed" then break end
            if answer then public:send(answer, from) end
          end
        end)
        if #order > MOST_CLIENTS then
          local oldest = table.remove(order, 1)
          server.open[clients[oldest]] = nil
          clients[oldest]:close()
          clients[oldest] = nil
        end
      end
      if clients[name] and not guard.judge(server, {}, octets) then clients[name]:send(octets) end
    elseif from == "closed" then
      return
    end
  end
end

local relays = {
  tls = { listen = net.tcp_listener, run = relay_stream },
  dtls = { listen = net.udp, run = relay_datagrams },
}

-- Somebody before the port of a transport. guard: judge(server, seen, octets) → true when they are not to be passed on;
-- admits() for each that is new; leaves().
local function before(transport, guard)
  guard.judge = guard.judge or function() return false end
  guard.admits = guard.admits or function() return true end
  guard.leaves = guard.leaves or function() end
  return function(b)
    change.wrap(b, "listens", function(original, server, kind, settings)
      if kind ~= transport then return original(server, kind, settings) end
      local relay = relays[transport]
      local public, problem = relay.listen { address = settings.address }
      if not public then return nil, problem end
      server.open[public] = true
      settings.address = { address = settings.address.address, port = 0 }
      local listener
      listener, problem = original(server, kind, settings)
      if listener then
        net.spawn(function() relay.run(server, public, listener:address(), guard) end)
      end
      return listener, problem
    end)
  end
end

local function fault(transport, name, about, guard)
  return {
    name = name, about = about, requirements = { "7635-7-05" }, suite = "robustness", apply = before(transport, guard),
  }
end

-- Dies of the octets of a client for which is_deadly(octets, seen) is true.
local function deadly(transport, name, about, text, is_deadly)
  return fault(transport, name, about, {
    judge = function(server, seen, octets)
      if not is_deadly(octets, seen) then return false end
      server:crash(text)
      return true
    end,
  })
end

-- The first octets of a connection, once, when there are enough.
local function first(check)
  return function(octets, seen)
    if seen.done then return false end
    seen.whole = (seen.whole or "") .. octets
    seen.done = #seen.whole >= 9
    return seen.done and check(seen.whole)
  end
end

local function is_hello(octets)
  return octets:byte(1) == 22 and octets:byte(6) == 1
end

-- The records of a connection as they come: visit(type, content).
local function each_record(octets, seen, visit)
  seen.left = (seen.left or "") .. octets
  while #seen.left >= 5 do
    local length = string.unpack(">I2", seen.left, 4)
    if #seen.left < 5 + length then return false end
    local type, content = seen.left:byte(1), seen.left:sub(6, 5 + length)
    seen.left = seen.left:sub(6 + length)
    if visit(type, content) then return true end
  end
  return false
end

local function few(transport, name)
  local left = 16
  return {
    name = name, requirements = { "7635-7-05" }, suite = "robustness",
    about = ("sixteen clients of %s are let in, whether they shake hands or not"):format(transport:upper()),
    apply = before(transport, {
      admits = function()
        left = left - 1
        return left >= 0
      end,
      leaves = function() left = left + 1 end,
    }),
  }
end

return {
  deadly("tls", "crash-on-stranger", "what is no record on the port of TLS ends in an assertion", "assertion failed",
    first(function(octets) return octets:byte(1) < 20 or octets:byte(1) > 24 and octets:byte(1) < 0x80 end)),
  deadly("tls", "crash-on-hello-length", "the length of a ClientHello is believed", "read past the end of a record",
    first(function(octets)
      return is_hello(octets) and string.unpack(">I3", octets, 7) + 4 > string.unpack(">I2", octets, 4)
    end)),
  deadly("tls", "crash-on-early-alert", "an alert before any ClientHello finds no session", "no session",
    first(function(octets) return octets:byte(1) == 21 end)),
  deadly("tls", "crash-on-second-hello", "a ClientHello in the midst of a handshake begins it anew", "no state",
    function(octets, seen)
      return each_record(octets, seen, function(type, content)
        local hello = type == 22 and content:byte(1) == 1
        if hello and seen.hello then return true end
        seen.hello = seen.hello or hello
      end)
    end),
  deadly("tls", "crash-on-renegotiation", "a handshake within a session of TLS 1.2 finds its state gone", "no state",
    function(octets, seen)
      return each_record(octets, seen, function(type)
        if type == 20 then seen.changed = 0 end
        if type == 22 and seen.changed then
          seen.changed = seen.changed + 1
          return seen.changed > 1
        end
      end)
    end),
  few("tls", "take-few-handshakes"),
  deadly("dtls", "crash-on-short-record", "the length of a record of DTLS is believed", "read past a datagram",
    function(octets) return #octets >= 13 and string.unpack(">I2", octets, 12) > #octets - 13 end),
  deadly("dtls", "crash-on-fragment", "a fragment is copied to where it says that it belongs", "write past a message",
    function(octets)
      if #octets < 25 or octets:byte(1) ~= 22 or string.unpack(">I2", octets, 4) ~= 0 then return false end
      local size, _, offset, length = string.unpack(">I3I2I3I3", octets, 15)
      return offset + length > size
    end),
  deadly("dtls", "crash-on-long-cookie", "a cookie is copied to where there is room for 64 octets",
    "write past a cookie",
    function(octets)
      if #octets < 60 or octets:byte(1) ~= 22 or octets:byte(14) ~= 1 then return false end
      local at = 61 + octets:byte(60)
      return #octets >= at and octets:byte(at) > 64
    end),
  few("dtls", "take-few-datagram-handshakes"),
}
