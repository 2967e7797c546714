-- SPDX-License-Identifier: BSD-3-Clause
--
-- What TCP may do to messages that are right: they come in pieces, or several at once, and connections are opened and
-- not used, beneath TLS too, and DTLS, where handshakes are begun. These sockets do not pass the recorder, which holds
-- one message for one write.

local client = require "support.client"
local clock = require "clock"
local expect = require "support.expect"
local handshake = require "support.handshake"
local net = require "net"
local record = require "support.record"
local transports = require "support.transports"
local wire = require "support.wire"

local stream = {}

local PATIENCE = 4 -- seconds for a connection and its handshake
local LONGEST = 10 -- seconds for the answers to what was written

local function connect(t)
  local one, problem = client.open(t.bench, record.none, t.transport)
  if not one then return nil, ("no connection: %s"):format(problem) end
  return one
end

-- Writes `count` bare Allocates, cut into pieces by pieces(octets) → list, `pause` seconds apart, and counts the
-- answers. An expectation: each of them was answered.
function stream.answered(t, count, pieces, pause)
  local expected = ("an answer to each of %d"):format(count)
  local one, problem = connect(t)
  if not one then return expect.new(false, expected, problem) end
  local whole, open_ids = {}, {}
  for i = 1, count do
    whole[i] = one:craft("Allocate", { credentials = false })
    open_ids[whole[i]:sub(9, 20)] = true
  end
  for _, piece in ipairs(pieces(table.concat(whole))) do
    local ok, why = one.endpoint:send(piece)
    if not ok then
      one:close()
      return expect.new(false, expected, ("the connection was lost while they were written: %s"):format(why))
    end
    if pause > 0 then net.sleep(pause) end
  end
  local answered, ending = 0, "nothing more came"
  local deadline = clock.monotonic() + math.min(t.bench.retransmission.tcp_timeout, LONGEST)
  while answered < count do
    local octets, why = one.endpoint:receive(math.max(deadline - clock.monotonic(), 0))
    if not octets then
      ending = why
      break
    end
    local id = octets:sub(9, 20)
    if open_ids[id] then
      open_ids[id] = nil
      answered = answered + 1
    end
  end
  one:close()
  return expect.new(answered == count, expected, answered == count and expected
    or ("%d answers (%s)"):format(answered, ending))
end

-- Opens `count` connections on which `octets` are written and nothing follows. Returns a function that closes them, and
-- how many there are.
function stream.half_open(t, count, octets)
  local open = {}
  for i = 1, count do
    local one = connect(t)
    if not one then break end
    if #octets > 0 then one.endpoint:send(octets) end
    open[i] = one
  end
  return function()
    for _, one in ipairs(open) do one:close() end
  end, #open
end

-- Begins `count` handshakes of TLS or DTLS that do no more than the steps say. Returns a function that ends them, and
-- how many there are.
function stream.silent(t, count, steps)
  local open = {}
  for i = 1, count do
    open[i] = wire.run(t.bench, t.transport, { what = "a handshake that stops", steps = steps }, PATIENCE, record.none)
    if not open[i] then break end
  end
  return function()
    for _, one in ipairs(open) do
      one.endpoint:send(handshake.farewell[transports.protocol(t.transport)])
      one:close()
    end
  end, #open
end

-- An expectation: somebody new is served. One answer may be late or lost, three in a row are not.
function stream.served(t)
  local problem
  for _ = 1, 3 do
    local one
    one, problem = client.open(t.bench, record.none, t.transport, PATIENCE)
    if one then
      local answer = one:transact(one:craft("Allocate", { credentials = false }))
      one:close()
      if answer.message then return expect.new(true, "somebody new is served", answer:describe()) end
      problem = answer.failure
    end
    if t.bench.dead then break end
  end
  return expect.new(false, "somebody new is served", problem)
end

-- Cutters: octets → list of pieces.
function stream.every(size)
  return function(octets)
    local list = {}
    for i = 1, #octets, size do list[#list + 1] = octets:sub(i, i + size - 1) end
    return list
  end
end

-- The same, unless a message that comes whole is answered as little: then the target has fallen silent for whatever
-- reason, and the scenario is inconclusive.
local function answered_as_whole(t, ...)
  local outcome = stream.answered(t, ...)
  if outcome.ok then return outcome end
  local one = connect(t)
  if not one then return outcome end
  local seconds = math.min(t.bench.retransmission.tcp_timeout, LONGEST)
  local octets, request = one:craft("Allocate", { credentials = false })
  local whole = one:transact(octets, request, { total = seconds, tcp_timeout = seconds })
  one:close()
  if whole.silent then
    t:inconclusive(("%s where %s was expected, nor is one that comes whole answered (%s)"):format(outcome.got,
      outcome.expected, whole:describe()))
  end
  return outcome
end

-- What a message in pieces, messages at once, and connections or handshakes that stop are judged by, over TCP and TLS
-- (and DTLS) alike. A control comes first: who answers no Allocate at all does not fail for the pieces.
function stream.in_pieces(t)
  t:control {}
  t:rule(nil, answered_as_whole(t, 1, stream.every(1), 0.02))
  t:rule(nil, answered_as_whole(t, 3, stream.every(17), 0.02))
  t:control {}
end

function stream.at_once(t)
  t:control {}
  t:rule(nil, answered_as_whole(t, 2, stream.every(65536), 0))
  t:rule(nil, answered_as_whole(t, 20, stream.every(65536), 0))
  t:control {}
end

-- silences: of support/beneath.lua.
function stream.beside_silence(t, silences)
  t:control {}
  for _, one in ipairs(silences) do
    local close, count = stream.silent(t, 64, { table.unpack(one, 2) })
    t:note("%d times %s, and nothing more", count, one[1])
    local served = t:rule(nil, stream.served(t))
    close()
    if not served then return end
  end
  t:control {}
end

return stream
