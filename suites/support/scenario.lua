-- SPDX-License-Identifier: BSD-3-Clause
--
-- The scenario form. A suite file says
--
--     scenario "expired-token" {
--       title  = "a token past its lifetime and Delta is refused",
--       covers = { "7635-7-09" },           requirements that its checks cite
--       faults = { "accept-expired" },      faults of the reference server that must make it fail
--       run = function(t) … end,            t is described in support/hands.lua
--     }
--
-- and may add:
--
--     needs = { "two-kids" }    features of a target (profile/features.lua); without them the scenario is skipped
--     transports = "each"       once over every transport of the profile, not only over the first
--     alone = true              nothing else runs beside it: it may kill the target, or it measures time
--     early = true              before the others, since its clock runs from the start of the target
--     harm = true               only against targets that assay launched or that say may_harm = true
--     allocations = 2           allocations that it holds at once (default 1)
--     limit = 120               seconds after which it is given up (default 900: silence takes long)
--     offline = true            it needs no target at all
--
-- Its id is its file's path below suites/ and its name, for good: server/token-lifetime/expired-token.

local catalogue = require "requirements.catalogue"

local fields = {
  title = "string", covers = "table", faults = "table", run = "function", needs = "table", transports = "string",
  alone = "boolean", harm = "boolean", allocations = "number", limit = "number", offline = "boolean",
  early = "boolean",
}

local features = {
  ["third-party"] = "the target offers third-party authorization",
  ["no-third-party"] = "the target does not offer third-party authorization",
  users = "the profile names first-party credentials (users)",
  credentials = "the target offers third-party authorization, or the profile names first-party credentials (users)",
  ["two-kids"] = "the profile names two kids of the same algorithm with different keys",
  gcm = "the profile names a key of an AES-GCM algorithm",
  cbc = "the profile names a key of an AES-CBC-HMAC algorithm",
  ["short-gcm"] = "the profile names a key of A128GCM or A192GCM",
  ["two-algorithms"] = "the profile names keys of two algorithms",
  ["expiring-key"] = "the profile names a key that expires (expiring_key)",
  rfc8489 = "the profile claims RFC 8489 (rfc8489 = true)",
  sha256 = "the profile claims HMAC-SHA-256 (hash_functions, or rfc8489 = true)",
  ["long-nonces"] = "the profile names the lifetime of a nonce (nonce_lifetime)",
  udp = "the target is reached over UDP",
  tcp = "the target is reached over TCP",
  tls = "the target is reached over TLS",
  dtls = "the target is reached over DTLS",
  datagram = "the target is reached over UDP or DTLS, where messages may get lost",
  secure = "the target is reached over TLS or DTLS",
}

-- What those of them that are about the transport itself are about.
local about = {
  udp = "UDP", tcp = "TCP", tls = "TLS", dtls = "DTLS", datagram = "UDP and DTLS", secure = "TLS and DTLS",
}

local scenario = { features = features, about = about }

local collecting -- { prefix =, list = } while a suite file is being loaded

local function declare(name, spec)
  local where = collecting.prefix .. "/" .. name
  local function refuse(text) error(("scenario %s: %s"):format(where, text), 4) end -- where it is declared
  if not name:match "^[a-z0-9][a-z0-9-]*$" then refuse "a name is of lower-case letters, digits and hyphens" end
  for field, value in pairs(spec) do
    if not fields[field] then refuse(("there is no field '%s'"):format(field)) end
    if type(value) ~= fields[field] then
      refuse(("field '%s' is a %s, a %s is expected"):format(field, type(value), fields[field]))
    end
  end
  for _, field in ipairs { "title", "covers", "run" } do
    if spec[field] == nil then refuse(("field '%s' is missing"):format(field)) end
  end
  for _, id in ipairs(spec.covers) do
    if not catalogue.by_id[id] then refuse(("covers '%s', which is not in the catalogue"):format(id)) end
  end
  for _, feature in ipairs(spec.needs or {}) do
    if not features[feature] then refuse(("needs '%s', which no profile can say"):format(feature)) end
  end
  if spec.transports and spec.transports ~= "each" then refuse "transports can only be 'each'" end
  for _, other in ipairs(collecting.list) do
    if other.id == where then refuse "the name is taken" end
  end
  collecting.list[#collecting.list + 1] = {
    id = where, title = spec.title, covers = spec.covers, faults = spec.faults or {}, run = spec.run,
    needs = spec.needs or {}, each_transport = spec.transports == "each", alone = spec.alone or false,
    harm = spec.harm or false, allocations = spec.allocations or 1, limit = spec.limit or 900,
    offline = spec.offline or false, early = spec.early or false,
  }
end

-- Runs `load_file` with every scenario it declares collected under `prefix`; returns them in the order of the file.
function scenario.collect(prefix, load_file)
  collecting = { prefix = prefix, list = {} }
  local ok, problem = pcall(load_file)
  local list = collecting.list
  collecting = nil
  if not ok then error(problem, 0) end
  return list
end

return setmetatable(scenario, {
  __call = function(_, name)
    if not collecting then error("a scenario is declared in a file of suites/, and nowhere else", 2) end
    return function(spec) declare(name, spec) end
  end,
})
