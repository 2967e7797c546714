-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in how answers are written (RFC 5389 sections 6, 7.3.1.1, 15.5), where they come from, and in retransmissions.

local bytes = require "bytes"
local change = require "reference.faults.change"
local net = require "net"

-- A fault in ERROR-CODE; value(code) is its raw octets, or the decoded form.
local function error_code(name, about, value)
  return {
    name = name, about = about, requirements = { "5389-7.3.1.1-01" },
    apply = function(b)
      b.error_code = function(code) return { "ERROR-CODE", value(code) } end
    end,
  }
end

-- A fault in the octets of an answer.
local function finish(name, about, requirement, edit)
  return {
    name = name, about = about, requirements = { requirement },
    apply = function(b)
      b.finish = function(_, request, answer, octets) return edit(octets, request, answer) end
    end,
  }
end

local function head(code)
  return string.pack(">I2BB", 0, code // 100, code % 100)
end

-- One attribute of the request repeated in the answers that pick(answer) picks.
local function repeats(name, about, attribute, pick)
  return {
    name = name, about = about, requirements = { "5389-10.2.2-09" },
    apply = function(b)
      change.wrap(b, "common_attributes", function(original, server, request, answer)
        local attributes = original(server, request, answer)
        if not request.identity or not pick(answer) then return attributes end
        return change.with(attributes, { attribute, request:raw(attribute) or "" })
      end)
    end,
  }
end

local function is_success(answer) return answer.class == "success" end

local function is_error(answer) return answer.class == "error" end

return {
  -- ERROR-CODE
  {
    name = "omit-error-code", about = "an error answer does not say which error",
    requirements = { "5389-7.3.1.1-01" },
    apply = function(b)
      change.wrap(b, "response_attributes", function(original, server, request, answer)
        return change.without(original(server, request, answer), "ERROR-CODE")
      end)
    end,
  },
  error_code("write-code-as-number", "ERROR-CODE holds the code as one number",
    function(code) return string.pack(">I4", code) .. "Error" end),
  error_code("set-reserved-bits", "the reserved bits of ERROR-CODE are not cleared",
    function(code) return "\xAA\xA8" .. head(code):sub(3) .. "Error" end),
  error_code("write-long-reason", "the reason phrase tells a story of 900 octets",
    function(code) return head(code) .. ("what went wrong "):rep(56) .. "here" end),
  error_code("write-latin-1-reason", "the reason phrase is not UTF-8",
    function(code) return head(code) .. "acc\xE8s refus\xE9" end),
  error_code("pad-reason-inside", "the reason phrase is padded with NULs inside its length",
    function(code) return head(code) .. "Error\0\0\0" end),

  -- the header
  finish("change-transaction-id", "420 and 442 have a transaction id of their own", "5389-6-01",
    function(octets, _, answer)
      local off = answer.code == 420 or answer.code == 442
      return off and octets:sub(1, 8) .. bytes.random(12) .. octets:sub(21) or octets
    end),
  finish("answer-as-binding", "the error answers of all methods say Binding", "5389-6-01",
    function(octets, _, answer) return answer.class == "error" and "\x01\x11" .. octets:sub(3) or octets end),
  finish("clear-cookie", "the answer to an authenticated request has no magic cookie", "5389-6-01",
    function(octets, request)
      return request.identity and octets:sub(1, 4) .. "\0\0\0\0" .. octets:sub(9) or octets
    end),
  finish("count-header", "the length of 420 and 442 counts the header", "5389-6-01",
    function(octets, _, answer)
      local off = answer.code == 420 or answer.code == 442
      return off and octets:sub(1, 2) .. string.pack(">I2", #octets) .. octets:sub(5) or octets
    end),
  {
    name = "forget-padding",
    about = "SOFTWARE is not padded in answers to authenticated requests, so their length is no multiple of four",
    requirements = { "5389-6-01" },
    apply = function(b)
      change.wrap(b, "common_attributes", function(original, server, request, answer)
        local attributes = original(server, request, answer)
        for _, attribute in ipairs(request.identity and attributes or {}) do attribute.padding = "" end
        return attributes
      end)
    end,
  },
  {
    name = "answer-from-other-port", about = "answers over UDP leave by a socket of their own",
    requirements = { "5389-6-01" },
    apply = function(b)
      local others = {} -- by address
      change.wrap(b, "deliver", function(original, server, request, octets)
        if request.client.transport ~= "udp" then return original(server, request, octets) end
        local ours = request.client.address:find(":", 1, true) and server.address6 or server.address
        local other = others[ours] or net.udp { address = { address = ours, port = 0 } }
        if other then others[ours], server.open[other] = other, true end
        request.client.send(octets, other)
      end)
    end,
  },

  -- FINGERPRINT
  finish("forget-fingerprint-xor", "FINGERPRINT is the bare CRC", "5389-15.5-01", function(octets, request)
    if not request:has "FINGERPRINT" then return octets end
    local crc = string.unpack(">I4", octets, #octets - 3)
    return octets:sub(1, -5) .. string.pack(">I4", crc ~ 0x5354554E)
  end),
  {
    name = "put-fingerprint-first", about = "FINGERPRINT stands before the integrity value",
    requirements = { "5389-15.5-01" },
    apply = function(b)
      change.wrap(b, "response_attributes", function(original, server, request, answer)
        local attributes = original(server, request, answer)
        if not request:has "FINGERPRINT" then return attributes end
        table.remove(attributes)
        for i, attribute in ipairs(attributes) do
          if attribute[1] == "MESSAGE-INTEGRITY" then
            table.insert(attributes, i, { "FINGERPRINT" })
            return attributes
          end
        end
        table.insert(attributes, 1, { "FINGERPRINT" })
        return attributes
      end)
    end,
  },

  -- what authenticated answers repeat
  repeats("repeat-username", "success answers repeat USERNAME", "USERNAME", is_success),
  repeats("repeat-realm", "success answers repeat REALM", "REALM", is_success),
  repeats("repeat-nonce", "success answers repeat NONCE", "NONCE", is_success),
  repeats("repeat-username-in-errors", "errors of authenticated requests repeat USERNAME", "USERNAME", is_error),
  repeats("repeat-realm-in-errors", "errors of authenticated requests repeat REALM", "REALM", is_error),
  repeats("repeat-nonce-in-errors", "errors of authenticated requests repeat NONCE", "NONCE", is_error),

  -- retransmissions
  {
    name = "forget-transactions", about = "a retransmitted Allocate is taken for a second one and gets 437",
    requirements = { "5389-7.3.1-02" },
    apply = function(b) b.remembered_answer = function() return nil end end,
  },
  {
    name = "allocate-again", about = "a retransmitted Allocate gets another relayed address",
    requirements = { "5389-7.3.1-02" },
    apply = function(b)
      change.wrap(b, "remembered_answer", function(original, server, request)
        local before = original(server, request)
        local allocation = before and request.method == "Allocate" and server:allocation_of(request.client)
        if not allocation then return before end
        server:close_allocation(allocation)
        return nil
      end)
    end,
  },
  {
    name = "ignore-retransmissions", about = "a request that was answered before is not answered again",
    requirements = { "5389-7.3.1-02" },
    apply = function(b)
      change.wrap(b, "remembered_answer", function(original, server, request)
        request.repeated = original(server, request) ~= nil
        return nil
      end)
      change.wrap(b, "answer", function(original, server, request)
        if request.repeated then return nil end
        return original(server, request)
      end)
    end,
  },

  -- what stands in attributes
  {
    name = "write-odd-list", about = "UNKNOWN-ATTRIBUTES ends with an octet too many",
    requirements = { "5389-7.3.1-01" },
    apply = function(b)
      b.refuse_unknown = function(_, _, unknown)
        return b.failure(420, { { "UNKNOWN-ATTRIBUTES", string.pack(">I2", unknown[1]) .. "\0" } })
      end
    end,
  },
  {
    name = "count-list-header",
    about = "the list of UNKNOWN-ATTRIBUTES begins with a copy of the attribute's own header",
    requirements = { "5389-7.3.1-01" },
    apply = function(b)
      change.wrap(b, "refuse_unknown", function(original, server, request, unknown)
        return original(server, request, table.move(unknown, 1, #unknown, 3, { 0x000A, 2 * #unknown }))
      end)
    end,
  },
  {
    name = "pad-with-garbage", about = "SOFTWARE is padded with what was in the memory behind it",
    requirements = { "8489-14-01" },
    apply = function(b)
      change.wrap(b, "common_attributes", function(original, server, request, answer)
        local attributes = original(server, request, answer)
        for _, attribute in ipairs(attributes) do attribute.padding = ("\xA5"):rep(-#attribute[2] % 4) end
        return attributes
      end)
    end,
  },
  {
    name = "tell-mac-key", about = "SOFTWARE ends with the session key in hex, as it helped in finding an error once",
    requirements = { "7635-11-09" },
    apply = function(b)
      change.wrap(b, "common_attributes", function(original, server, request, answer)
        local mac_key = request.identity and request.identity.mac_key
        if not mac_key then return original(server, request, answer) end
        return { { "SOFTWARE", (b.software(server) or "") .. " " .. bytes.hex(mac_key) } }
      end)
    end,
  },
}
