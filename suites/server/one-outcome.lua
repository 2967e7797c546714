-- SPDX-License-Identifier: BSD-3-Clause
--
-- A token that does not decrypt tells nobody why. RFC 5116 section 2.2: failed decryption is one outcome.

local bytes = require "bytes"
local ranks = require "support.ranks"
local scenario = require "support.scenario"

local TRIALS <const> = 25 -- of each kind
local WORTH_NAMING <const> = 0.33 -- Cliff's delta: a medium effect
local CERTAIN <const> = 3.3 -- standard deviations: one in a thousand by chance

-- What can be wrong with the decryption of a token, each as a description of the token. kid: of an AES-GCM key.
local function failures(t, kid, key)
  local function flip(part, offset)
    return function(octets, layout) return bytes.flip(octets, (layout[part].offset + offset) * 8 + 7) end
  end
  return {
    { "tag", { kid = kid, change = flip("tag", 3) } },
    { "name", { kid = kid, server_name = "other-" .. t.bench.server_name } },
    { "key", { kid = kid, key = bytes.random(#key) } },
    { "ciphertext", { kid = kid, change = flip("ciphertext", 1) } }, -- key_length, so that the block makes no sense
  }
end

-- What an answer shows apart from the octets of its values: its code and its attributes in their order.
local function shape_of(answer)
  local names = {}
  for i, attribute in ipairs(answer.message and answer.message:attributes() or {}) do names[i] = attribute.name end
  return tostring(answer:code() or answer:describe()), table.concat(names, " ")
end

-- The kinds by what they got, for a person: "401 (tag, name); 403 (key)".
local function grouped(by_kind, kinds)
  local groups, order = {}, {}
  for _, kind in ipairs(kinds) do
    local value = by_kind[kind[1]]
    if not groups[value] then
      groups[value] = {}
      order[#order + 1] = value
    end
    table.insert(groups[value], kind[1])
  end
  local text = {}
  for i, value in ipairs(order) do text[i] = ("%s (%s)"):format(value, table.concat(groups[value], ", ")) end
  return #order == 1, table.concat(text, "; ")
end

local function note_times(t, kinds, times)
  local told = false
  for i, kind in ipairs(kinds) do
    for j = i + 1, #kinds do
      local a, b = times[kind[1]], times[kinds[j][1]]
      local outcome = #a > 4 and #b > 4 and ranks.compare(a, b)
      if outcome and math.abs(outcome.delta) >= WORTH_NAMING and math.abs(outcome.z) >= CERTAIN then
        told = true
        t:note("answer times differ between %s and %s: medians %.0f and %.0f microseconds, Cliff's delta %.2f, "
          .. "%.1f standard deviations (%d and %d interleaved trials)", kind[1], kinds[j][1], ranks.median(a) * 1e6,
          ranks.median(b) * 1e6, outcome.delta, outcome.z, #a, #b)
      end
    end
  end
  if not told then
    t:note("answer times: no pair of failures differs by an effect worth naming (Cliff's delta of %.2f, %d interleaved "
      .. "trials of each)", WORTH_NAMING, TRIALS)
  end
end

scenario "failed-decryption" {
  title = "the answer to a token that does not decrypt does not tell whether tag, name, key or ciphertext is wrong",
  covers = { "5116-2.2-01" },
  needs = { "third-party", "gcm" },
  alone = true,
  faults = { "tell-failures-apart", "describe-failures" },
  run = function(t)
    local key
    for _, one in ipairs(t.profile.keys) do key = key or one.algorithm:find "GCM$" and one end
    t:control { token = { kid = key.kid } }
    local kinds, client = failures(t, key.kid, key.octets), t:client()
    local codes, attributes, reasons, times = {}, {}, {}, {}
    for trial = 1, TRIALS do
      for i = 1, #kinds do
        local kind = kinds[(i + trial) % #kinds + 1] -- interleaved, and each kind in each place
        local name = kind[1]
        local answer = t:on(client, "Allocate", { token = kind[2], step = "Allocate, wrong " .. name })
        t:put_down(client)
        if not answer.message or answer:is_success().ok then
          t:inconclusive("a wrong " .. name .. ": " .. answer:describe()) -- of tokens that are taken nothing failed
        end
        local refused = answer:is_refused()
        if refused.unclear then t:inconclusive("a wrong " .. name .. ": " .. refused.unclear) end
        if trial == 1 then
          codes[name], attributes[name] = shape_of(answer)
          local value = answer:get "ERROR-CODE"
          reasons[name], times[name] = value and ('"%s"'):format(value.reason) or "none", {}
        end
        if answer.info.sends == 1 or answer.client.transport ~= "udp" then
          table.insert(times[name], answer.info.received - answer.info.sent)
        end
      end
    end
    local same, got = grouped(codes, kinds)
    t:check("5116-2.2-01", same, { label = "code", expected = "one code for all", got = got })
    same, got = grouped(attributes, kinds)
    t:check("5116-2.2-01", same, { label = "attributes", expected = "the same attributes for all", got = got })
    same, got = grouped(reasons, kinds)
    if not same then t:note("reason phrases differ: %s", got) end
    note_times(t, kinds, times)
  end,
}
