-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a stranger sees of a server: on which transports it answers, what it says of itself in a challenge, and how
-- large a message it takes. No credentials are used here.

local clock = require "clock"
local net = require "net"
local transports = require "support.transports"

local reach = {}

local CONNECTION <const> = 5 -- seconds, for a connection and its handshake

-- A Binding request without credentials. Returns what came: { reply =, own = }, or nil and why not.
local function binding(s, transport)
  local one, problem = s:open(transport, CONNECTION)
  if not one then
    return nil, problem == "timeout" and ("nothing was agreed on within %d s"):format(CONNECTION) or problem
  end
  one.step = "Binding, to see whether it answers"
  local reply = one:transact(one:craft("Binding", { credentials = false }))
  local own = one.endpoint:address()
  s:close(one)
  if not reply.message then return nil, reply.failure end
  return { reply = reply, own = own }
end

-- Asks on all transports at once. Returns what came by transport, and why nothing did.
function reach.transports(s, names)
  local seen, silent, tasks = {}, {}, {}
  for i, transport in ipairs(names) do
    tasks[i] = net.spawn(function() seen[transport], silent[transport] = binding(s, transport) end)
  end
  local _ <close> = setmetatable({}, { __close = function()
    for _, task in ipairs(tasks) do task:cancel() end
  end })
  for i, transport in ipairs(names) do
    local ok, problem = tasks[i]:join()
    if not ok then silent[transport] = problem end
  end
  return seen, silent
end

-- An Allocate without credentials. Returns what its challenge says: { realm =, nonce =, server_name =, algorithms =,
-- reply =, client =, at = }; with `problem` where it is no challenge. The client stays open.
function reach.challenge(s)
  local one, problem = s:open()
  if not one then return { problem = problem } end
  local began = clock.monotonic()
  local reply, why, other = one:challenge()
  local message = (reply or other or {}).message
  if message and message:class() == "success" then -- a relay for everyone
    s.made, one.allocated = s.made + 1, true
    local gone = one:request("Refresh", { credentials = false, lifetime = 0, step = "putting down the allocation" })
    if not gone or not gone:is_success().ok then s.left = s.left + 1 end
    one.allocated = false
  end
  local offered = message and message:get "PASSWORD-ALGORITHMS"
  return {
    problem = why, realm = one.realm, nonce = one.nonce, server_name = one.server_name, client = one, at = began,
    algorithms = type(offered) == "table" and offered or nil, reply = reply or other,
    open = message ~= nil and message:class() == "success",
  }
end

local FILLER <const> = 0xC0FE -- comprehension-optional and assigned to nothing
local HEADERS <const> = 24 -- of the message and of the one attribute
local SMALL <const> = 100
local largest = { udp = 65504, dtls = 16384, tcp = 65552, tls = 65552 } -- that the transport can carry

local function kind_of(message)
  local value = message:get "ERROR-CODE"
  return message:class() .. (type(value) == "table" and value.code or "")
end

-- Is a Binding request of so many octets answered as a small one is? true or false, and what came.
local function takes(s, transport, size, timing, like)
  local one, problem = s:open(transport)
  if not one then return nil, problem end
  one.step = ("Binding of %d octets"):format(size)
  local octets, request = one:craft("Binding", {
    credentials = false, attributes = { { FILLER, ("\0"):rep(size - HEADERS) } },
  })
  local reply = one:transact(octets, request, timing)
  s:close(one)
  if reply.message then
    local kind = kind_of(reply.message)
    return not like or kind == like, reply:describe(), kind
  end
  if reply.silent or reply.closed then return false, reply.failure end
  return nil, reply.failure
end

-- The largest message that is answered over a transport. Returns
-- { taken = octets, refused = octets (nil: it took what the transport can carry), got = what came of that }; or
-- { problem = } where nothing could be told.
function reach.largest(s, transport)
  local began = clock.monotonic()
  local _, got, like = takes(s, transport, SMALL, s.bench.retransmission)
  if not like then return { problem = got } end
  local rto = math.min(0.5, math.max(0.1, 3 * (clock.monotonic() - began)))
  local timing = { rto = rto, rc = 3, rm = 3, total = 6 * rto, tcp_timeout = math.max(1, 6 * rto) }
  local taken, refused, why = SMALL, largest[transports.protocol(transport)], nil
  local function lost(problem)
    return { problem = ("one of %d octets was not answered, and then: %s"):format(refused, problem) }
  end
  local all
  all, got = takes(s, transport, refused, timing, like)
  if all then return { taken = refused } end
  if all == nil then return { problem = got } end
  while refused - taken > 4 do
    local size = (taken + refused) // 8 * 4
    local ok
    ok, got = takes(s, transport, size, timing, like)
    if ok == nil then return lost(got) end
    if ok then taken = size else refused, why = size, got end
  end
  -- One lost message would have moved the edge: the refused side of it is asked again, the patient way.
  for _ = 1, 2 do
    local ok
    ok, got = takes(s, transport, refused, timing, like)
    if ok == nil then return lost(got) end
    if ok then return { problem = "the edge could not be found again: " .. got } end
  end
  local alive
  alive, why = takes(s, transport, SMALL, s.bench.retransmission, like), why or got
  if not alive then return lost "it no longer answers small messages either" end
  return { taken = taken, refused = refused, got = why }
end

return reach
