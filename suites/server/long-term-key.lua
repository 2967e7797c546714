-- SPDX-License-Identifier: BSD-3-Clause
--
-- The long-term key K and its algorithm, as they were agreed with the authorization server. RFC 7635 sections 4.1 and
-- 10, RFC 7518 section 5.3, RFC 7519 section 4.1.4.

local bytes = require "bytes"
local cbc = require "support.cbc"
local hkdf = require "support.hkdf"
local scenario = require "support.scenario"
local token = require "token"

-- The form that a token of another algorithm is written in: F1 where the control has none of its own.
local function form_of(algorithm, form)
  return algorithm.kind == "gcm" and "GCM" or form or "F1"
end

-- The first key of the profile whose algorithm matches the pattern.
local function key_of(t, pattern)
  for _, key in ipairs(t.profile.keys) do
    if key.algorithm:find(pattern) then return key end
  end
end

scenario "taken-as-it-is" {
  title = "with AES-GCM the key is K as it stands, and nothing derived from it",
  covers = { "7635-4.1-05" },
  needs = { "third-party", "gcm" },
  faults = { "derive-long-term-key", "accept-derived-key" },
  run = function(t)
    local key = key_of(t, "GCM$")
    local plain = t:allocate { token = { kid = key.kid } }
    t:check("7635-4.1-05", plain:is_success(), { label = "K" })
    t:put_down(plain.client)
    if not plain:is_success().ok then return end
    local control = t:control { token = { kid = key.kid } }
    local size = #key.octets
    t:refused("7635-4.1-05", control, { token = { key = bytes.sha256(key.octets):sub(1, size) } }, 401,
      { label = "SHA-256 of K" })
    t:refused("7635-4.1-05", control, { token = { key = hkdf.derive(key.octets, "", size) } }, 401,
      { label = "HKDF of K" })
  end,
}

scenario "algorithm-of-the-kid" {
  title = "each kid has its algorithm, and a token made with another one is refused",
  covers = { "7635-10-02" },
  needs = { "third-party", "two-algorithms" },
  faults = { "guess-algorithm", "load-one-key" },
  run = function(t)
    local seen = {}
    for _, key in ipairs(t.profile.keys) do
      local own = token.algorithm(key.algorithm)
      if not seen[own.name] then
        seen[own.name] = true
        -- Whether a CBC token is taken in any form is judged by cbc-token/form.
        local form = own.kind ~= "gcm" and cbc.form(t, key.kid) or nil
        local answer = t:allocate { token = { kid = key.kid, form = form } }
        if own.kind == "gcm" then t:check("7635-10-02", answer:is_success(), { label = own.name }) end
        t:put_down(answer.client)
        local control = answer:is_success().ok and t:control { token = { kid = key.kid, form = form } }
        -- A key that is too long for the other algorithm may have been cut, as that of Appendix A was (AMB-31).
        for _, other in ipairs(token.algorithms()) do
          if control and other.name ~= own.name and other.key_length <= #key.octets then
            t:refused("7635-10-02", control, {
              token = {
                algorithm = other.name, key = key.octets:sub(1, other.key_length), form = form_of(other, form),
              },
            }, 401, { label = ("%s under a kid of %s"):format(other.name, own.name) })
          end
        end
      end
    end
  end,
}

scenario "shorter-gcm" {
  title = "a token sealed with A128GCM or A192GCM is opened where the profile names such a key",
  covers = { "7518-5.3-01" },
  needs = { "third-party", "short-gcm" },
  faults = { "refuse-a128gcm" },
  run = function(t)
    for _, key in ipairs(t.profile.keys) do
      if key.algorithm:find "^A1%d%dGCM$" then
        t:accepted("7518-5.3-01", { token = { kid = key.kid } }, { label = key.algorithm })
      end
    end
  end,
}

scenario "expired-key" {
  title = "a long-term key past its expiry opens no token any more",
  covers = { "7519-4.1.4-01" },
  needs = { "third-party", "expiring-key" },
  early = true,
  faults = { "use-expired-key" },
  run = function(t)
    t:timed()
    local key = t.profile.expiring_key
    local function too_late()
      if t:now() <= key.expires - 1 then return end
      if not key.expires_in then t:skip "the key had expired before the run began" end
      t:again(("the key had expired %.0f s before its scenario began: a target that starts so slowly needs a larger "
        .. "expiring_key.expires_in"):format(math.max(0, t:now() - key.expires)))
    end
    too_late()
    local before = t:allocate { token = { kid = key.kid }, step = "Allocate, the key not yet expired" }
    if not before:is_success().ok then
      too_late()
      t:inconclusive("the key does not work before its expiry: " .. before:describe())
    end
    t:put_down(before.client)
    t:wait(math.max(0, key.expires + (key.leeway or 0) + 1 - t:now()))
    t:control { step = "Allocate, another key (control)" }
    local after = t:allocate { token = { kid = key.kid }, step = "Allocate, the key expired" }
    t:check("7519-4.1.4-01", after:is_error(401))
  end,
}
