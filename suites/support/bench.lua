-- SPDX-License-Identifier: BSD-3-Clause
--
-- The test bench: what all scenarios of one run share. Where the target is, what is known of it, how patiently and how
-- fast it may be asked.

local limits = require "support.limits"
local net = require "net"
local silence = require "support.silence"
local transports = require "support.transports"

local bench = {}
bench.__index = bench

-- options: of the command line: rto, rc, rm; seed, of all that is left to chance and no secret; out, the folder for
-- what is found; reproducer, what --input holds
function bench.new(profile, addresses, options)
  local schedule = { rto = options.rto or 0.5, rc = options.rc or 7, rm = options.rm or 16 }
  local _, last = net.retransmissions(schedule)
  schedule.total = last
  schedule.tcp_timeout = last -- RFC 5389 7.2.2: Ti is as long as the whole schedule on UDP
  local reachable = {}
  for _, name in ipairs(profile.transports) do
    if addresses[name] then reachable[#reachable + 1] = name end
  end
  local self = setmetatable({
    profile = profile, addresses = addresses, transports = reachable, retransmission = schedule,
    limits = limits.new(profile.max_rate, profile.max_allocations),
    integrity_form = profile.integrity_key or "full", -- until the preflight knows better
    used_ports = {}, -- of our own sockets
    sessions = {}, -- by transport: what was agreed on with TLS and DTLS the first time
    server_name = profile.server_name, clock_offset = profile.clock_offset or 0,
    seed = options.seed or 1, folder = options.out, reproducer = options.reproducer,
  }, bench)
  self.silence = silence.new(self) -- what the target was seen to leave unanswered
  return self
end

-- Whether a feature of a profile is about the transport itself: nil where it is not, else whether it is about this one.
-- udp, tcp, tls and dtls are those of the first address.
function bench.concerns(feature, name)
  if feature == "datagram" then return transports.is_datagram(name) end
  if feature == "secure" then return transports.is_secure(name) end
  for _, known in ipairs(transports.names) do
    if feature == known then return name == feature end
  end
end

-- A long-term key of the profile, by number or kid; without either the first of AES-GCM, which every server has to
-- offer, else the first.
function bench:key(which)
  if not which then
    for _, key in ipairs(self.profile.keys) do
      if key.algorithm:find("GCM", 1, true) then return key end
    end
    which = 1
  end
  if type(which) == "number" then return assert(self.profile.keys[which], "the profile has no such key") end
  for _, key in ipairs(self.profile.keys) do
    if key.kid == which then return key end
  end
  local expiring = self.profile.expiring_key
  if expiring and expiring.kid == which then return expiring end
  error(("the profile has no kid '%s'"):format(which))
end

-- Two kids of one algorithm with different keys (the feature two-kids).
function bench:two_kids()
  for _, a in ipairs(self.profile.keys) do
    for _, b in ipairs(self.profile.keys) do
      if a.kid ~= b.kid and a.algorithm == b.algorithm and a.octets ~= b.octets then return a.kid, b.kid end
    end
  end
end

-- The kid of the first key of an AES-CBC-HMAC algorithm (the feature cbc).
function bench:cbc_kid()
  for _, key in ipairs(self.profile.keys) do
    if key.algorithm:find("CBC", 1, true) then return key.kid end
  end
end

-- What can be known of the messages of this target (support/context.lua).
function bench:known()
  local keys = table.move(self.profile.keys, 1, #self.profile.keys, 1, {})
  keys[#keys + 1] = self.profile.expiring_key
  return setmetatable({ keys = keys, users = self.profile.users }, {
    __index = function(_, name) return name == "server_name" and self.server_name or nil end,
  })
end

-- What the target keys its HMAC with, by the form that was found for it (AMB-28).
function bench:integrity_key(mac_key)
  return self.integrity_form == "first16" and mac_key:sub(1, 16) or mac_key
end

-- The grace that the target may give, in whole seconds: its own Delta where that is known, else the most that anyone
-- would choose.
function bench:delta()
  return math.ceil(self.profile.delta or self.measured_delta or 60)
end

-- The Delta that the target is known to have, else that of the text; a smaller one is never held against it.
function bench:usual_delta()
  return math.max(5, math.ceil(self.profile.delta or self.measured_delta or 5))
end

-- The Delta past which a token must be refused without any doubt: AMB-06.
function bench:beyond_delta()
  return self.profile.delta and self.profile.delta + 10 or 3600
end

-- What net.tls and net.dtls take to reach the target within so many seconds, from an address of ours or any.
function bench:handshake(remote, seconds, from)
  local tls, address = self.profile.tls, self.profile.address
  if self.profile.address6 and remote.address:find(":", 1, true) then address = self.profile.address6 end
  return {
    remote = remote, address = from, ca = tls.ca, insecure = tls.insecure, timeout = seconds,
    server_name = tls.name or (address ~= remote.address and address or nil), -- a host name that was resolved
  }
end

-- What the report says of TLS and DTLS, once the target was reached.
function bench:session_notes()
  local notes = {}
  for _, transport in ipairs(self.transports) do
    local session = self.sessions[transport]
    if session then
      notes[#notes + 1] = ("%s: %s, %s, certificate %s%s"):format(transport, session.version, session.cipher,
        session.peer or "none", self.profile.tls.insecure and ", which was not verified (insecure)" or "")
    end
  end
  return notes
end

return bench
