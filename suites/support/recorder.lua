-- SPDX-License-Identifier: BSD-3-Clause
--
-- Two records of a run: what assay's own sockets sent and received (support/record.lua has that of one scenario), and
-- what libpcap saw of the same from outside. Both go into one capture file, with a comment on each packet that names
-- scenario and step; they are compared at the end.
-- Where capturing is not permitted the file is made from the sockets alone, and the report says so.

local capture = require "capture"
local name_of = require("support.address").text
local record = require "support.record"
local transports = require "support.transports"

local PATIENCE <const> = 6 -- seconds: what a whole run waits for packets that libpcap has not seen yet

-- A target may send without end: of a flow that brings more than this the capture holds the beginning.
local MOST_PACKETS <const>, MOST_PACKET_OCTETS <const> = 3000, 1 << 20
local MOST_DIFFERENCES <const> = 200

local recorder = {}
recorder.__index = recorder

-- One message or frame of one flow in one direction: what both records must agree on.
local function key_of(protocol, source, destination, octets)
  return protocol .. "|" .. name_of(source) .. "|" .. name_of(destination) .. "|" .. octets
end

-- What carries the encrypted transports. Their packets are written with the secrets that decrypt them, and counted;
-- which message is in which of them, libpcap cannot tell.
local carriers = { tls = "tcp", dtls = "udp" }
local most_held = 4096 -- packets of handshakes that are not over

local function key_of_end(protocol, address) return protocol .. name_of(address) end

-- addresses: of the target, by transport. options: capture (false: do not use libpcap), path (of the capture file, nil:
-- none is kept). nil, text when the file cannot be written.
function recorder.open(addresses, options)
  local self = setmetatable({
    patience = PATIENCE, flows = {}, targets = {}, encrypted = {}, held = {}, held_count = 0, secured = {}, seen = {},
    streams = {}, records = {}, differences = {}, differed = {}, differed_more = 0, sequence = {},
  }, recorder)
  self:expect_target(addresses)
  if options.path then
    local problem
    self.writer, problem = capture.writer(options.path, { application = "assay" })
    if not self.writer then return nil, ("%s cannot be written: %s"):format(options.path, problem) end
  end
  if not options.capture then
    self.kind = "own sockets (libpcap is not used)"
  else
    self:listen(addresses)
  end
  return self
end

-- Where the target is, by transport.
function recorder:expect_target(addresses)
  for transport, address in pairs(addresses) do
    self.targets[name_of(address)] = true
    local carrier = carriers[transports.protocol(transport)]
    if carrier then self.encrypted[carrier .. name_of(address)] = true end
    if self.live then self.live:watch(address.port) end
  end
end

-- The interface by which all addresses of the target are reached, and a filter for libpcap. It is wide on purpose: an
-- answer from another address or port must be seen. nil, text where there is none, or more than one.
local function interface_to(addresses)
  local interface
  local terms, seen = { "udp", "icmp", "icmp6" }, {}
  for _, name in ipairs(transports.names) do
    local address = addresses[name] and addresses[name].address
    if address and not seen[address] then
      local this, problem = capture.interface_to(address)
      if not this then return nil, problem end
      if interface and this ~= interface then
        return nil, ("the target is reached by two interfaces, %s and %s"):format(interface, this)
      end
      interface, seen[address] = this, true
      terms[#terms + 1] = "host " .. address:gsub("%%.*", "")
    end
  end
  return interface, table.concat(terms, " or ")
end

-- Starts libpcap on the interface by which the target is reached. Which packets are ours is decided in `packet`.
function recorder:listen(addresses)
  local interface, filter = interface_to(addresses)
  local problem = filter
  if interface then
    local why
    self.live, why = capture.live { interface = interface, filter = filter,
      on_packet = function(packet) self:packet(packet) end }
    problem = why
  end
  if self.live then
    for _, address in pairs(addresses) do self.live:watch(address.port) end
    self.kind = "libpcap on " .. interface
  else
    self.kind = ("own sockets (no capture: %s)"):format(problem or "no interface has our address")
  end
end

-- A new record of one scenario (support/record.lua).
function recorder:record(id)
  local new = record.new(self, id)
  self.records[#self.records + 1] = new
  return new
end

-- Knows the flow of an endpoint as ours from now on.
function recorder:own(flow, endpoint)
  flow.encrypted, flow.carrier = carriers[flow.transport] ~= nil, carriers[flow.transport] or flow.transport
  local name = flow.carrier .. name_of(flow.address)
  flow.previous = self.flows[name]
  self.flows[name] = flow
  if self.live then self.live:watch(flow.address.port) end
  if flow.encrypted then self:secure(flow, endpoint:secrets()) end
end

-- Each difference is told once, of many the first.
function recorder:differ(text)
  if self.differed[text] then return end
  if #self.differences >= MOST_DIFFERENCES then
    self.differed_more = self.differed_more + 1
    return
  end
  self.differed[text] = true
  self.differences[#self.differences + 1] = text
end

-- Writes a packet of our own record as IP would have carried it.
function recorder:synthesize(flow, entry)
  if not self.writer then return end
  local direction = name_of(entry.from) .. ">" .. name_of(entry.to)
  local back = name_of(entry.to) .. ">" .. name_of(entry.from)
  local packet = {
    protocol = flow.carrier, source = entry.from, destination = entry.to, payload = entry.octets,
    seq = self.sequence[direction] or 1, ack = self.sequence[back] or 1,
  }
  self.sequence[direction] = (packet.seq + #entry.octets) & 0xFFFFFFFF
  local data, link = capture.synthesize(packet)
  local decrypted = flow.encrypted and not flow.client.beneath
  local note = decrypted and (" (decrypted, it went over %s)"):format(flow.transport) or ""
  if data then
    entry.frame = self:write(data, link, entry.time, ("%s: %s%s"):format(flow.record.id, entry.step, note))
  end
end

-- A handshake is over: the secrets are written, and behind them, where readers use them, the packets that waited for
-- them.
function recorder:secure(flow, secrets)
  flow.own, flow.seen = { sent = 0, received = 0 }, { sent = 0, received = 0 }
  self.secured[#self.secured + 1] = flow
  if not self.live then return end
  if self.writer and secrets ~= "" then
    local ok, problem = self.writer:secrets(secrets)
    if not ok then self.failure, self.writer = self.failure or problem, nil end
  end
  self:release(flow.carrier .. name_of(flow.address), flow)
end

-- Writes what was held back of a flow, or of one that came to nothing.
function recorder:release(key, flow)
  for _, packet in ipairs(self.held[key] or {}) do
    self.held_count = self.held_count - 1
    if flow then
      self:write_encrypted(flow, packet, self.encrypted[key_of_end(packet.protocol, packet.destination)])
    else
      self:write(packet.data, packet.link, packet.time, nil, packet.length)
    end
  end
  self.held[key] = nil
end

function recorder:write_encrypted(flow, packet, sent)
  local direction = sent and "sent" or "received"
  if packet.protocol ~= "icmp" then flow.seen[direction] = flow.seen[direction] + #(packet.payload or "") end
  self:write(packet.data, packet.link, packet.time, ("%s: over %s"):format(flow.record.id, flow.transport),
    packet.length)
end

-- A packet of no flow that is known, from or to where the target speaks TLS or DTLS: true when it was kept for later.
function recorder:hold(packet)
  if packet.protocol ~= "udp" and packet.protocol ~= "tcp" then return false end
  local out = self.encrypted[key_of_end(packet.protocol, packet.destination)]
  local back = self.encrypted[key_of_end(packet.protocol, packet.source)]
  if not out and not back or self.held_count >= most_held then return false end
  local key = key_of_end(packet.protocol, out and packet.source or packet.destination)
  local list = self.held[key] or {}
  list[#list + 1] = packet
  self.held[key], self.held_count = list, self.held_count + 1
  return true
end

function recorder:write(data, link, time, comment, length)
  if not self.writer then return nil end
  local frame, problem = self.writer:packet {
    data = data, link = link, time = time, comment = comment, length = length,
  }
  if not frame then
    self.failure = self.failure or problem
    self.writer = nil
  end
  return frame
end

-- What stands beside a packet that libpcap saw.
local function comment_on(flow, octets, sent)
  local id = flow.record.id
  if octets == "" then return id end
  return ("%s: %s"):format(id, flow.record:step_of("libpcap", sent, octets, flow.client.step))
end

-- The flow whose socket has this address. A port of UDP may have had another owner before the socket was opened (DTLS
-- talks before it is watched, so of that it is not known). A socket that was closed has given its port back, and
-- somebody else may have it by now; only what the target itself still sends or is sent belongs to it then. A port of
-- TCP may be somebody else's as well all the while, towards another peer.
function recorder:flow_at(protocol, address, other, time)
  local flow = self.flows[protocol .. name_of(address)]
  while flow and protocol == "udp" and not flow.encrypted and time < flow.opened do flow = flow.previous end
  if flow and protocol == "tcp" and name_of(other) ~= name_of(flow.client.remote) then return nil end
  local closed = flow and flow.client.closed_at
  if closed and time > closed and not self.targets[name_of(other)] then return nil end
  return flow
end

-- Whether a flow has brought so much that the packet has no place in the capture any more.
function recorder:is_cut(flow, packet)
  flow.packets, flow.octets = flow.packets + 1, flow.octets + #(packet.data or "")
  if flow.packets <= MOST_PACKETS and flow.octets <= MOST_PACKET_OCTETS then return false end
  flow.cut = (flow.cut or 0) + 1
  if flow.encrypted then flow.seen.received = flow.seen.received + #(packet.payload or "") end
  return true
end

-- A packet that libpcap saw: ours if one end is a socket of ours, or (TCP before we know our port) the target's.
function recorder:packet(packet)
  local protocol, source, destination, payload = packet.protocol, packet.source, packet.destination, packet.payload
  if protocol == "icmp" and packet.icmp and packet.icmp.inner then
    protocol, source, destination = packet.icmp.inner.protocol, packet.icmp.inner.source, packet.icmp.inner.destination
    payload = ""
  end
  if not source or not source.port or not destination or not destination.port then return end
  local out = self:flow_at(protocol, source, destination, packet.time)
  local flow = out or self:flow_at(protocol, destination, source, packet.time)
  if not flow and self:hold(packet) then return end
  if flow and not out and self:is_cut(flow, packet) then return end
  if flow and flow.encrypted then return self:write_encrypted(flow, packet, out ~= nil) end
  if not flow then
    local to_target = self.targets[name_of(source)] or self.targets[name_of(destination)]
    if protocol == "tcp" and to_target then self:write(packet.data, packet.link, packet.time, nil, packet.length) end
    return
  end
  self.count = (self.count or 0) + 1
  local comment = comment_on(flow, payload or "", out ~= nil)
  local frame = self:write(packet.data, packet.link, packet.time, comment, packet.length)
  frame = frame or self.count
  if packet.protocol == "udp" then
    self:note_seen(key_of("udp", source, destination, payload), frame, flow, packet.time, out ~= nil)
  elseif packet.protocol == "tcp" then
    local direction = name_of(source) .. ">" .. name_of(destination)
    local stream = self.streams[direction] or capture.stream()
    self.streams[direction] = stream
    for _, one in ipairs(stream:segment(packet, frame)) do
      self:note_seen(key_of("tcp", source, destination, one.bytes), one.tag, flow, packet.time, out ~= nil)
    end
  end
end

function recorder:note_seen(key, frame, flow, time, outgoing)
  local list = self.seen[key] or {}
  list[#list + 1] = { frame = frame, flow = flow, time = time, outgoing = outgoing }
  self.seen[key] = list
end

-- The frame of the first packet of these octets that no entry has claimed yet; nil where libpcap saw none.
function recorder:frame_of(entry)
  local list = self.seen[key_of(entry.transport, entry.from, entry.to, entry.octets)]
  return list and #list > 0 and table.remove(list, 1).frame or nil
end

-- Of encrypted flows only the sizes can be compared: what libpcap saw is more than what was in it.
function recorder:compare_encrypted(missed)
  for _, flow in ipairs(self.secured) do
    for _, direction in ipairs { "sent", "received" } do
      if flow.seen[direction] < flow.own[direction] then
        missed[#missed + 1] = ("%s: %d octets were %s over %s, libpcap saw %d"):format(flow.record.id,
          flow.own[direction], direction, flow.transport, flow.seen[direction])
      end
    end
  end
end

-- What was more than was asked for, or than is kept, for the report.
function recorder:tell_floods()
  local cut = {}
  for _, flow in pairs(self.flows) do
    while flow do
      if flow.cut then cut[flow.record] = (cut[flow.record] or 0) + flow.cut end
      flow = flow.previous
    end
  end
  for _, one in ipairs(self.records) do
    one:tell_excess()
    if one.left_out > 0 then
      one:differ("%d messages came that were not asked for, %d octets: the first %d are kept and judged", one.unasked,
        one.unasked_octets, one.unasked - one.left_out)
    end
    if cut[one] then one:differ("%d packets more than a flow may bring are not in the capture", cut[one]) end
  end
end

-- Compares both records. Returns lines for the report; an empty list says that they agree.
function recorder:compare()
  if self.live then self.live:drain() end
  self:tell_floods()
  if self.live then self:compare_live() end
  table.sort(self.differences)
  local more = self.differed_more
  if more > 0 then self.differences[#self.differences + 1] = ("and more of them, %d times"):format(more) end
  return self.differences
end

function recorder:compare_live()
  local missed = {}
  for _, one in ipairs(self.records) do
    one:resolve()
    for _, entry in ipairs(one.entries) do
      if one:is_to_be_found(entry) then
        missed[#missed + 1] = ("%s: %s was %s, but not seen by libpcap"):format(one.id, entry.step, entry.direction)
      end
    end
  end
  for key in pairs(self.held) do self:release(key) end
  self:compare_encrypted(missed)
  local statistics = self.live:statistics()
  if statistics.error then self:differ("the capture ended early: " .. statistics.error) end
  local dropped = statistics.dropped + statistics.interface_dropped
  if dropped > 0 then
    self:differ(("libpcap dropped %d packets, so its record and that of our sockets cannot be compared"):format(
      dropped))
    return
  end
  for _, text in ipairs(missed) do self:differ(text) end
  for _, list in pairs(self.seen) do
    for _, one in ipairs(list) do
      local closed = one.flow.client.closed_at
      if one.outgoing and not (closed and one.time > closed) then
        one.flow.record:differ("frame %d left our address, but none of our sockets sent it", one.frame)
      elseif not one.outgoing and one.flow.record.left_out == 0 and (not closed or one.time < closed - 0.001) then
        one.flow.record:differ("frame %d was addressed to our socket, which did not receive it", one.frame)
      end
    end
  end
end

-- Finishes the file. nil, text when something of it could not be written.
function recorder:close()
  if self.live then self.live:close() end
  local ok, problem = true, nil
  if self.writer then ok, problem = self.writer:close() end
  if self.failure then return nil, self.failure end
  return ok, problem
end

return recorder
