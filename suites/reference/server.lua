-- SPDX-License-Identifier: BSD-3-Clause
--
-- The reference server: sockets, tasks and what must be remembered between messages. It decides nothing; that is in
-- behaviour.lua. Conforming to RFC 7635 over RFC 5389 and RFC 5766 (UDP relaying, over UDP and TCP) unless it was
-- given faults. TLS and DTLS are served where a port is named for them, with the files certificate and key.
--
--   local running = server.new { address = "127.0.0.1", ports = { udp = 0, tcp = 0, tls = 0, dtls = 0 }, realm =,
--                                server_name =, keys = { { kid =, algorithm =, key = octets } },
--                                users = { { name =, password = } } }
--   assert(running:start())   running:stop()
--
-- More fields: address6 (a second address to serve on, at the same ports), third_party (default true), faults (names),
-- delta, nonce_lifetime, default_lifetime, max_lifetime,
-- max_allocations, idle, relay_address (default: address), software (false for none), strict, on_crash(text).

local behaviour = require "reference.behaviour"
local bytes = require "bytes"
local cache = require "reference.cache"
local clock = require "clock"
local defaults = require "reference.defaults"
local faults = require "reference.faults"
local net = require "net"
local request = require "reference.request"
local stun = require "stun"
local system = require "system"

local server = {}
server.__index = server

local RETRANSMISSION_SECONDS <const> = 40 -- RFC 5389 7.3.1
local MOST_ANSWERS <const> = 4096
local EVEN_PORT_TRIES <const> = 32

local function pick(value, otherwise)
  if value == nil then return otherwise end
  return value
end

function server.new(config)
  local self = setmetatable({
    behaviour = behaviour.new(),
    address = config.address or defaults.address,
    address6 = config.address6,
    ports = config.ports or { udp = 0, tcp = 0 },
    certificate = config.certificate, key = config.key,
    realm = config.realm or defaults.realm,
    server_name = config.server_name or defaults.server_name,
    third_party = pick(config.third_party, true),
    software = pick(config.software, defaults.software) or nil,
    delta = config.delta or defaults.delta,
    nonce_lifetime = config.nonce_lifetime or defaults.nonce_lifetime,
    default_lifetime = config.default_lifetime or defaults.default_lifetime,
    max_lifetime = config.max_lifetime or defaults.max_lifetime,
    max_allocations = config.max_allocations or defaults.max_allocations,
    idle = config.idle or defaults.idle,
    strict = config.strict, on_crash = config.on_crash,
    nonce_key = bytes.random(20),
    keys = {}, key_order = {}, users = {},
    allocations = {}, allocation_count = 0, connections = 0,
    answers = cache.new(RETRANSMISSION_SECONDS, MOST_ANSWERS),
    open = {}, running = false,
  }, server)
  self.relay_address = config.relay_address or self.address
  self.relay_family = self.relay_address:find(":", 1, true) and "IPv6" or "IPv4"
  for i, key in ipairs(config.keys or defaults.keys) do
    self.keys[key.kid], self.key_order[i] = key, key
  end
  for _, user in ipairs(config.users or defaults.users) do self.users[user.name] = user.password end
  faults.apply(self.behaviour, config.faults or {})
  return self
end

-- Ports for those of these transports that named 0: one for both, where it is free for both at each address.
-- nil, text when there is none.
local function choose_ports(self, transports)
  local wanted, kinds = {}, {}
  for transport, kind in pairs(transports) do
    if self.ports[transport] == 0 then wanted[#wanted + 1], kinds[#kinds + 1] = transport, kind end
  end
  if #wanted == 0 then return true end
  local port, problem = net.free_port { address = self.address, also = self.address6, transports = kinds }
  if not port then return nil, problem end
  for _, transport in ipairs(wanted) do self.ports[transport] = port end
  return true
end

-- Serves a transport at one of the addresses.
local function listen_at(self, transport, address)
  local listener, problem
  if transport == "udp" then
    listener, problem = net.udp { address = address }
  else
    listener, problem = self.behaviour.listens(self, transport, {
      address = address, certificate = self.certificate, key = self.key,
    })
  end
  if not listener then return nil, problem end
  self.open[listener] = true
  net.spawn(function()
    if transport == "udp" then return self:serve_udp(listener) end
    return self:serve_connections(listener, transport)
  end)
  return true
end

-- Serves a transport, if it has a port.
local function listen(self, transport)
  local port = self.ports[transport]
  if not port then return true end
  local ok, problem = listen_at(self, transport, { address = self.address, port = port })
  if ok and self.address6 then ok, problem = listen_at(self, transport, { address = self.address6, port = port }) end
  return ok, problem
end

-- Binds and begins to serve; the ports that were 0 are filled in. nil, text when an address is not to be had.
function server:start()
  local ok, problem = choose_ports(self, { udp = "udp", tcp = "tcp" })
  if not ok then return nil, problem end
  self.running = true
  for _, transport in ipairs { "udp", "tcp" } do
    if ok then ok, problem = listen(self, transport) end
  end
  -- Only now, when the others have theirs: these must not be given the same.
  if ok then ok, problem = choose_ports(self, { tls = "tcp", dtls = "udp" }) end
  for _, transport in ipairs { "tls", "dtls" } do
    if ok then ok, problem = listen(self, transport) end
  end
  if not ok then
    self:stop()
    return nil, problem
  end
  self.sweeper = net.spawn(function()
    while self.running do
      net.sleep(1)
      self:sweep()
    end
  end)
  return true
end

-- Closes everything; may be called twice, and from any task but the sweeper.
function server:stop()
  self.running = false
  for socket in pairs(self.open) do socket:close() end
  self.open = {}
  for _, allocation in pairs(self.allocations) do allocation.relay:close() end
  self.allocations, self.allocation_count = {}, 0
  if self.sweeper then self.sweeper:cancel() end
  self.sweeper = nil
end

-- The end of a server that an implementer did not foresee.
function server:crash(text)
  self:stop()
  if self.on_crash then self.on_crash(text) end
end

function server.client(transport, address, send)
  return {
    transport = transport, address = address.address, port = address.port, send = send,
    is_stream = transport == "tcp" or transport == "tls", -- so nothing gets lost, and ChannelData is padded
    key = ("%s %s %d "):format(transport, address.address, address.port),
  }
end

function server:serve_udp(endpoint)
  while self.running do
    local octets, from = endpoint:receive()
    if octets then
      local client = server.client("udp", from, function(answer, source) (source or endpoint):send(answer, from) end)
      self:guard(self.receive, self, octets, client)
    elseif from == "closed" then
      return
    end
  end
end

-- A DTLS session is served as a connection is.
function server:serve_connections(listener, transport)
  while self.running do
    local connection, problem = listener:accept()
    if connection and self.connections < self.behaviour.most_connections(self) then
      self.connections = self.connections + 1
      self.open[connection] = true
      net.spawn(function() self:serve_connection(connection, transport) end)
    elseif connection then
      connection:close()
    elseif problem == "closed" then
      return
    else
      net.sleep(0.1) -- out of descriptors, perhaps: the next moment may be better
    end
  end
end

-- Of a client over DTLS that went away without a word nothing comes, not even an end. A session that keeps no
-- allocation ends when nothing was heard of it for a while.
function server:serve_connection(connection, transport)
  local client = server.client(transport, connection:remote(), function(answer) connection:send(answer) end)
  if client.is_stream then client.close = function() connection:close() end end
  local patience = transport == "dtls" and self.idle or nil
  while self.running do
    local octets, why = self.behaviour.next_frame(connection, patience)
    if octets then
      self:guard(self.receive, self, octets, client)
    elseif not patience or why ~= "timeout" or not self:allocation_of(client) then
      break
    end
  end
  connection:close()
  self.open[connection] = nil
  self.connections = self.connections - 1
  local allocation = self.allocations[client.key]
  if allocation then self:close_allocation(allocation) end
end

-- No message may end the server. An error here is a fault of this program all the same: it is told, and fatal when
-- the server is strict.
function server:guard(handle, ...)
  local ok, problem = xpcall(handle, debug.traceback, ...)
  if ok then return end
  problem = tostring(problem)
  if problem:find("cancelled", 1, true) and not self.running then error(problem, 0) end
  system.write(2, "reference server: " .. problem .. "\n")
  if self.strict then self:crash(problem) end
end

function server:receive(octets, client)
  if not self.behaviour.admits(self, octets, client) then return end
  local first = octets:byte(1) or 0xFF
  if first >= 0x40 and first < 0x80 then
    local number, data = stun.parse_channel_data(octets)
    if number then self.behaviour.serve_channel_data(self, client, number, data, clock.now()) end
    return
  end
  local b, message = self.behaviour, stun.parse(octets)
  if not message or not b.is_acceptable(message) then return end
  local one = request.new(message, client, b.visible_attributes(message:attributes()), clock.now())
  if one.class == "request" then
    self:receive_request(one)
  elseif one.class == "indication" and one.method == "Send" then
    b.serve_send(self, one)
  end
end

function server:receive_request(one)
  local b = self.behaviour
  local before = b.remembered_answer(self, one)
  if before then return b.deliver(self, one, before) end
  local answer = b.answer(self, one)
  if not answer then return end
  local octets = b.encode(self, one, answer)
  if b.is_remembered(one, answer) then self.answers:put(b.retransmission_name(one), octets, one.received) end
  b.deliver(self, one, octets)
end

-- The live allocation of a client's 5-tuple.
function server:allocation_of(client)
  local found = self.allocations[client.key]
  if found and found.expires and found.expires <= clock.now() then
    self:close_allocation(found)
    return nil
  end
  return found
end

function server:is_full()
  return self.allocation_count >= self.max_allocations
end

local function open_relay(address, even)
  for _ = 1, even and EVEN_PORT_TRIES or 1 do
    local relay = net.udp { address = { address = address, port = 0 } }
    if not relay then return nil end
    if not even or relay:address().port % 2 == 0 then return relay end
    relay:close()
  end
end

-- A new allocation with its relayed address; nil when there is none to be had.
function server:open_allocation(client, even)
  local relay = open_relay(self.relay_address, even)
  if not relay then return nil end
  local allocation = { client = client, relay = relay, permissions = {}, channels = {}, channels_by_peer = {} }
  allocation.expires = math.huge
  self.allocations[client.key] = allocation
  self.allocation_count = self.allocation_count + 1
  net.spawn(function()
    while true do
      local data, from = relay:receive()
      if data then
        self:guard(self.behaviour.serve_peer, self, allocation, data,
          { address = from.address, port = from.port, family = self.relay_family }, clock.now())
      elseif from == "closed" then
        return
      end
    end
  end)
  return allocation
end

function server:close_allocation(allocation)
  allocation.relay:close()
  if self.allocations[allocation.client.key] ~= allocation then return end
  self.allocations[allocation.client.key] = nil
  self.allocation_count = self.allocation_count - 1
end

function server:sweep()
  local now = clock.now()
  for _, allocation in pairs(self.allocations) do
    if allocation.expires <= now then self:close_allocation(allocation) end
  end
end

-- On a stream ChannelData is padded to a multiple of four octets (RFC 5766 11.5).
function server.send_channel_data(client, number, data)
  local octets = stun.channel_data(number, data)
  if client.is_stream then octets = octets .. ("\0"):rep(-#octets % 4) end
  client.send(octets)
end

function server.send_data_indication(client, peer, data)
  local octets = stun.build {
    class = "indication", method = "Data", transaction = bytes.random(12),
    attributes = { { "XOR-PEER-ADDRESS", { address = peer.address, port = peer.port } }, { "DATA", data } },
  }
  if octets then client.send(octets) end
end

return server
