-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a server offers to those who have credentials: lifetimes, address families, relay protocols, the wishes of an
-- Allocate; and how long a nonce is good.

local clock = require "clock"
local net = require "net"

local offers = {}

local LONG <const> = 86400 -- seconds: a token that leaves the LIFETIME to the server

offers.TOKEN_LIFETIME = LONG

-- The LIFETIME of an Allocate that asks for none, and of one that asks for the most: { granted, got } each. Then the
-- mapped address and our own, where one is told.
function offers.lifetimes(s)
  local mapped, own
  local function granted(more)
    more.token_lifetime = LONG
    local outcome = s:allocate(s:credited(more))
    local value = outcome.ok and outcome.answer:get "LIFETIME"
    local told = outcome.ok and outcome.answer:get "XOR-MAPPED-ADDRESS"
    if type(told) == "table" then mapped, own = told, outcome.address end
    return { math.type(value) == "integer" and value or nil, outcome.got }
  end
  local plain, most = granted {}, granted { lifetime = 0xFFFFFFFF }
  return plain, most, mapped, own
end

-- What an Allocate gets that asks for one thing more: { about, ok, got } each. stream: a transport that is one, or nil.
function offers.wishes(s, stream)
  local list = {}
  local function wish(about, more, transport)
    local outcome = s:allocate(s:credited(more), transport)
    local relayed = outcome.ok and outcome.answer:get "XOR-RELAYED-ADDRESS"
    local got = outcome.got
    if type(relayed) == "table" then
      got = ("%s, relayed address %s, port %d"):format(got, relayed.address, relayed.port)
    end
    list[#list + 1] = { about, outcome.ok, got, outcome }
    return outcome
  end
  for _, family in ipairs { "IPv4", "IPv6" } do
    wish("REQUESTED-ADDRESS-FAMILY " .. family, { attributes = { { "REQUESTED-ADDRESS-FAMILY", family } } })
  end
  if stream then wish(("REQUESTED-TRANSPORT TCP (RFC 6062), over %s"):format(stream), { protocol = 6 }, stream) end
  wish("EVEN-PORT", { attributes = { { "EVEN-PORT", false } } })
  wish("EVEN-PORT that reserves the next port", { attributes = { { "EVEN-PORT", true } } })
  wish("DONT-FRAGMENT", { attributes = { { "DONT-FRAGMENT" } } })
  return list
end

-- Is a nonce of this client still good? A Refresh without an allocation gets an error either way, and only 438 for the
-- nonce. nil when nothing came, and what came.
local function is_current(s, one, nonce)
  local spec = s:credited { nonce = nonce, lifetime = 600, step = "Refresh without an allocation, to try a nonce" }
  local answer, problem = one:request("Refresh", spec)
  if not answer then return nil, problem end
  local code = answer:code()
  if not code then return nil, answer:describe() end
  return code ~= 438, answer:describe()
end

local LONGEST <const> = 20 -- seconds that are waited for the end of a nonce

-- How long a nonce is good. old: { client =, nonce =, at = } of the beginning of the probe. Returns { at_least =
-- seconds } where the old one is still good, { low =, high = } between which it ended, or { problem = }.
function offers.nonce(s, old)
  local age = clock.monotonic() - old.at
  local good, got = is_current(s, old.client, old.nonce)
  if good == nil then return { problem = got } end
  if good then return { at_least = age } end
  local one, problem = s:open()
  if not one then return { problem = problem } end
  local began = clock.monotonic()
  local challenged
  challenged, problem = one:challenge()
  if not challenged then
    s:close(one)
    return { problem = problem }
  end
  local nonce, last, uses = one.nonce, 0, 0
  local result
  repeat
    local asked = clock.monotonic()
    good, got = is_current(s, one, nonce)
    if good then last, uses = asked - began, uses + 1 end
    if good == nil then
      result = { problem = got }
    elseif not good and uses <= 1 and clock.monotonic() - began < 2 then
      result = { problem = "a nonce is good for one request" }
    elseif not good then
      result = { low = last, high = clock.monotonic() - began }
    elseif last > LONGEST then
      result = { problem = ("longer than %d s and shorter than %.0f s"):format(LONGEST, age) }
    else
      net.sleep(uses < 2 and 0.1 or 1)
    end
  until result
  s:close(one)
  return result
end

-- What it sends: the attributes of the messages that came, by kind of message, in the order in which they came first.
function offers.attributes(record, parse)
  local kinds, order = {}, {}
  for _, entry in ipairs(record.entries) do
    local message = entry.direction == "received" and parse(entry.octets)
    if message then
      local kind = ("%s %s"):format(message:method(), message:class() .. (message:class() == "error" and "s" or "es"))
      if not kinds[kind] then
        kinds[kind] = { seen = {} }
        order[#order + 1] = kind
      end
      for _, one in ipairs(message:attributes()) do
        local name = one.name or ("0x%04X"):format(one.type)
        if not kinds[kind].seen[name] then
          kinds[kind].seen[name] = true
          table.insert(kinds[kind], name)
        end
      end
    end
  end
  local list = {}
  for i, kind in ipairs(order) do list[i] = { kind, kinds[kind] } end
  return list
end

return offers
