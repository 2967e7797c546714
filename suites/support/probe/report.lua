-- SPDX-License-Identifier: BSD-3-Clause
--
-- What was found, as a profile. Only what was seen becomes a field. found: see support/probe.lua.

local clock = require "clock"
local draft = require "support.probe.draft"
local escape = require "reports.escape"
local offers = require "support.probe.offers"
local timing = require "support.probe.timing"
local tokens = require "support.probe.tokens"

local report = {}

local function show(text, limit) return '"' .. escape.printable(text, limit or 60) .. '"' end

local function list(values) return #values > 0 and table.concat(values, ", ") or "none" end

-- Name, addresses, ports, transports, certificate.
local function place(d, found)
  local p = found.profile
  d:title "What it is and where"
  d:field("name", draft.quote(p.name), "as reports shall call it")
  d:field("role", '"server"')
  d:field("address", draft.quote(p.address), found.others and "its name has these addresses too, which were not asked: "
    .. found.others)
  d:add(1, "ports = {")
  for _, transport in ipairs(found.tried) do
    if found.seen[transport] then
      d:field(transport, p.ports[transport], "answered a Binding request: "
        .. found.seen[transport].reply:describe(), 2)
    end
  end
  d:add(1, "},")
  for _, transport in ipairs(found.tried) do
    if not found.seen[transport] then
      d:remark(("ports.%s: on port %d %s; fill it in if it offers %s elsewhere"):format(transport,
        p.ports[transport], found.silent[transport], transport:upper()))
    end
  end
  d:field("transports", draft.source(found.answering), "the first carries what is shown once")
  local tls = found.seen.tls or found.seen.dtls
  if tls and (p.tls.ca or p.tls.insecure) then
    d:field("tls", draft.source(p.tls, { "ca", "name", "insecure" }), p.tls.insecure
      and "its certificate was not verified; name the file of its CA instead: ca =" or nil)
  end
  for _, note in ipairs(found.sessions) do d:remark(note) end
end

local function third_party(d, found)
  local c = found.challenge
  if c.server_name then
    d:field("third_party", "true", "its challenge announces it (THIRD-PARTY-AUTHORIZATION)")
    d:field("server_name", draft.quote(c.server_name), "as announced")
  elseif found.good and found.good.kid then
    d:field("third_party", "true", "it takes a token, though its challenge does not announce it")
    d:field("server_name", draft.quote(found.profile.server_name), "as given; a token for it was taken")
  elseif c.realm then
    d:field("third_party", "false", "its challenge has no THIRD-PARTY-AUTHORIZATION"
      .. (#found.profile.keys > 0 and ", and it took no token" or ""))
  elseif c.reply and c.reply.message then
    d:field("third_party", "false", "it answers an Allocate with no challenge: " .. c.reply:describe())
  else
    d:open("third_party", "true or false", c.problem or "no challenge came")
  end
end

-- What of RFC 8489 the challenge shows.
local function edition(d, c)
  local cookie = c.nonce and c.nonce:sub(1, 9) == "obMatJos2"
  local offered = {}
  for i, one in ipairs(c.algorithms or {}) do
    offered[i] = ({ "MD5", "SHA-256" })[one.algorithm] or ("0x%04X"):format(one.algorithm)
  end
  if cookie and c.algorithms then
    d:field("rfc8489", "true", "its nonce has the cookie, its challenge PASSWORD-ALGORITHMS: " .. list(offered))
  else
    local nonce = not c.nonce and "it gives no nonce"
      or ("its nonce has %s cookie of it"):format(cookie and "the" or "no")
    d:open("rfc8489", "true or false", ("whether it claims it; %s, its challenge %s"):format(nonce,
      c.algorithms and "has PASSWORD-ALGORITHMS: " .. list(offered) or "has no PASSWORD-ALGORITHMS"))
  end
end

-- The hash functions of HMAC that a request was taken with.
local function hashes(d, found)
  if not found.good or not found.sha256 or found.sha256.ok == nil then return end
  local both = found.sha256.ok
  d:field("hash_functions", both and '{ "SHA-1", "SHA-256" }' or '{ "SHA-1" }',
    ("with MESSAGE-INTEGRITY-SHA256 instead of MESSAGE-INTEGRITY: %s%s"):format(found.sha256.got,
      both and found.sha256_signed ~= "" and ", signed with " .. found.sha256_signed or ""))
end

-- A list of what was given and taken. make(entry) → Lua source and a name for it.
local function taken(d, field, entries, make, where)
  local some
  for _, entry in ipairs(entries) do some = some or entry.ok end
  if some then
    d:remark(where)
    d:add(1, field .. " = {")
    for _, entry in ipairs(entries) do
      if entry.ok then d:add(2, make(entry) .. ", -- taken") end
    end
    d:add(1, "},")
  end
  for _, entry in ipairs(entries) do
    if not entry.ok then
      local _, name = make(entry)
      d:remark(("%s was %s: %s"):format(name, entry.ok == false and "refused" or "not decided upon", entry.got))
    end
  end
end

local function credentials(d, found)
  local secret = found.options.with_secrets
  taken(d, "keys", found.keys, function(entry)
    local k = entry.key
    return draft.source({ kid = k.kid, algorithm = k.algorithm, key = secret and k.key or nil },
      { "kid", "algorithm", "key" }), ("the key %s (%s)"):format(show(k.kid), k.algorithm)
  end, secret and "The secrets stand here, so nobody else may read this file."
    or "The keys themselves come from --key @FILE or ASSAY_KEYS, lines KID:ALG:BASE64; or write key = \"BASE64\" here.")
  if found.challenge.server_name and not (found.good and found.good.kid) then
    d:open("keys", '{ { kid = "KID", algorithm = "A256GCM" } }', (#found.keys > 0 and "it took none of those given"
      or "none was given to the probe") .. ". Without this field all of --key @FILE and ASSAY_KEYS are its keys, and "
      .. "one is needed")
  end
  taken(d, "users", found.users, function(entry)
    local u = entry.user
    return draft.source({ name = u.name, password = secret and u.password or nil }, { "name", "password" }),
      "the user " .. show(u.name)
  end, secret and "Passwords stand here, so nobody else may read this file."
    or "The passwords come from --user @FILE or ASSAY_USERS, lines NAME:PASSWORD; or write password = \"TEXT\" here.")
end

local function offer(d, found)
  d:title "What it offers"
  third_party(d, found)
  local c = found.challenge
  if c.realm then d:field("realm", draft.quote(c.realm), "of its challenge") end
  edition(d, c)
  hashes(d, found)
  local binding = found.seen[found.answering[1]].reply
  local code = binding:code()
  if not code then
    d:field("authenticates_binding", "false", "a Binding request without credentials was served")
  elseif code == 401 then
    d:field("authenticates_binding", "true", "a Binding request without credentials got 401")
  else
    d:open("authenticates_binding", "true or false", "a Binding request got " .. binding:describe())
  end
  credentials(d, found)
end

local function between(interval, digits)
  return (("between %%.%df and %%.%df s"):format(digits, digits)):format(interval[1], interval[2])
end

local function age(seconds)
  return seconds >= 0 and ("%.1f s old"):format(seconds) or ("%.1f s from the future"):format(-seconds)
end

-- How the edges were seen.
local function edges(m)
  local words = {}
  for _, side in ipairs { { m.old, m.old_open, "old" }, { m.young, m.young_open, "young" } } do
    local edge, open, what = side[1], side[2], side[3]
    if edge then
      words[#words + 1] = ("%s taken, %s refused"):format(age(edge.taken), age(edge.refused))
    elseif open then
      words[#words + 1] = ("none too %s, not even %d s past its lifetime"):format(what, open)
    end
  end
  return ("tokens of %d s by our clock: %s"):format(m.lifetime, table.concat(words, "; "))
end

local function time(d, found)
  local m = found.timing
  if not m then
    local why = found.no_tokens or "no token was taken"
    d:open("clock_offset", "SECONDS", "what its clock is ahead of ours: " .. why)
    d:open("delta", "SECONDS", "its grace for tokens that end, RFC 7635 section 7: " .. why)
    return
  end
  if m.problem and not m.old and not m.old_open then
    d:open("clock_offset", "SECONDS", m.problem)
    return d:open("delta", "SECONDS", m.problem)
  end
  d:remark(edges(m))
  local read = timing.read(m)
  local delta = read and read.delta
  if delta and delta[2] >= 0 then
    d:field("clock_offset", timing.value(read.offset), "ahead of ours " .. between(read.offset, 2)
      .. ", from both edges of a token's time")
    d:field("delta", timing.delta(delta), between(delta, 2) .. ", from both edges; to a second, as servers "
      .. "may count")
  elseif read and read.difference then
    local difference = read.difference
    if m.young and not m.young.moves then
      d:remark("What it takes from the future does not depend on the lifetime, so that is not the formula's.")
    end
    if found.loopback and difference[2] >= 0 then
      d:remark "It is on this machine, so its clock is taken to be ours; the old edge alone cannot tell the two apart."
      d:field("delta", timing.delta(difference), between(difference, 2)
        .. ", from the old edge; to a second, as servers may count")
    else
      local told = "one edge alone shows that delta - clock_offset is " .. between(difference, 1)
      d:open("clock_offset", "SECONDS", told)
      d:open("delta", "SECONDS", told)
    end
  else
    d:open("clock_offset", "SECONDS", "cannot be told from these edges")
    local why = "the end of a token's time does not follow its lifetime as RFC 7635 section 7 has it"
    if m.old_open then why = ("not below %d s: an expired token as old as that is taken"):format(m.old_open) end
    if m.problem and not m.old and not m.old_open then why = m.problem end
    d:open("delta", "SECONDS", why)
  end
end

-- What it granted where the most was asked for; as much as the token lasts may be owed to the token.
local function largest_lifetime(d, found)
  local most = found.lifetimes and found.lifetimes[2][1]
  if most and (not found.good.kid or most < offers.TOKEN_LIFETIME) then
    d:field("max_lifetime", most, "granted where 4294967295 was asked for")
  elseif found.lifetimes then
    d:open("max_lifetime", "SECONDS", "granted where 4294967295 was asked for: " .. (most or found.lifetimes[2][2]))
  end
end

local function nonce(d, found)
  local n = found.nonce
  if not n then return d:open("nonce_lifetime", "SECONDS", found.no_credentials) end
  if n.at_least then
    d:open("nonce_lifetime", "SECONDS", ("not below %.1f s: a nonce of that age was still good"):format(n.at_least))
  elseif n.low then
    d:field("nonce_lifetime", math.max(1, math.ceil(n.high)),
      ("good after %.1f s, 438 after %.1f s"):format(n.low, n.high))
  else
    d:open("nonce_lifetime", "SECONDS", n.problem)
  end
end

local function known(d, found)
  d:title "What is known of it"
  local good = found.good
  if good and good.form then
    d:field("integrity_key", draft.quote(good.form), "an Allocate whose HMAC is keyed with " .. tokens.words(good.form)
      .. " was taken" .. (good.form == "first16" and "; with the whole of it: " .. good.whole or ""))
  else
    d:open("integrity_key", '"full" or "first16"', found.no_tokens or "no token was taken")
  end
  time(d, found)
  largest_lifetime(d, found)
  nonce(d, found)
  local mapped, own = found.mapped, found.own
  if mapped and own then
    local same = mapped.address == own.address and mapped.port == own.port
    d:field("direct_path", tostring(same), same and "the mapped address was our own"
      or ("the mapped address was %s:%d, ours %s:%d"):format(mapped.address, mapped.port, own.address, own.port))
  else
    d:open("direct_path", "true or false", "no mapped address was seen")
  end
  d:open("peer", '{ address = "192.0.2.40", port = 7 }', "a UDP address that sends each datagram back, if any")
end

local function permitted(d, found)
  d:title "What may be done to it"
  d:field("max_rate", ("%g"):format(found.profile.max_rate),
    "requests a second: what the probe kept to; its owner says what may be")
  if found.full then
    d:field("max_allocations", 1, "at once; the probe held one at a time, and yet met 486. "
      .. "Scenarios that need more are skipped")
  else
    d:field("max_allocations", 4, "at once; the probe held one at a time. Scenarios that need more are skipped")
  end
  d:open("may_harm", "true", "only if its owner wants it to be sent what may crash it")
end

-- What has no field.
local function more(d, found)
  d:title "What else was seen; nothing reads this"
  if found.software then d:remark("SOFTWARE " .. show(found.software, 128)) end
  for _, one in ipairs(found.attributes) do d:remark(("attributes of %s: %s"):format(one[1], list(one[2]))) end
  for _, one in ipairs(found.long_keys or {}) do
    d:remark(("a mac_key of 32 octets under HMAC-SHA1, %s: %s"):format(one[1], one[3]))
  end
  if found.echoed then
    d:remark "requests with a token had to repeat PASSWORD-ALGORITHMS with PASSWORD-ALGORITHM, else they got 400"
  end
  if found.lifetimes then
    d:remark(("LIFETIME granted%s where none was asked for: %s; where 4294967295 was: %s"):format(
      found.good.kid and (" with a token of %d s"):format(offers.TOKEN_LIFETIME) or "",
      found.lifetimes[1][1] or found.lifetimes[1][2], found.lifetimes[2][1] or found.lifetimes[2][2]))
  end
  for _, one in ipairs(found.wishes or {}) do d:remark(("Allocate with %s: %s"):format(one[1], one[3])) end
  if found.options.largest == false then
    d:remark "largest message: not looked for (--no-largest)"
  end
  for _, one in ipairs(found.sizes) do
    local size = one.size
    if size.problem then
      d:remark(("largest message over %s: %s"):format(one.transport, size.problem))
    elseif size.refused then
      d:remark(("largest message over %s: %d octets were answered, %d were not (%s)"):format(one.transport, size.taken,
        size.refused, size.got))
    else
      d:remark(("largest message over %s: none too large, %d octets were answered"):format(one.transport, size.taken))
    end
  end
  if found.no_credentials then
    d:remark("not asked: lifetimes, address families, relay protocols, EVEN-PORT, DONT-FRAGMENT, as "
      .. found.no_credentials)
  end
end

-- The words behind `assay run --target` that give the secrets which the profile does not hold: the files that the probe
-- had them from, or a place for one.
local function secret_words(found)
  if found.options.with_secrets then return "" end
  local words = {}
  local function add(option, entries, given)
    local some, file
    for _, entry in ipairs(entries) do some = some or entry.ok end
    for _, word in ipairs(given) do
      if some and word:sub(1, 1) == "@" then
        file = true
        words[#words + 1] = (" --%s %s"):format(option, word)
      end
    end
    if some and not file then words[#words + 1] = (" --%s @FILE"):format(option) end
  end
  add("key", found.keys, found.options.keys)
  add("user", found.users, found.options.users)
  if found.challenge.server_name and not (found.good and found.good.kid) then words[#words + 1] = " --key @FILE" end
  return table.concat(words)
end

-- The text of the profile.
function report.text(found)
  local d = draft.new()
  place(d, found)
  offer(d, found)
  known(d, found)
  permitted(d, found)
  more(d, found)
  local head = {
    ("A first profile of %s, as assay %s saw it at %s."):format(found.profile.name, found.version,
      clock.utc(clock.now())),
    "A field stands here with how it was seen; \"to fill in\" marks what could not be told. Complete it, then:",
    ("  assay run --target %s%s"):format(found.options.out or "THIS-FILE", secret_words(found)),
  }
  if found.lost then
    head[#head + 1] = ""
    head[#head + 1] = "It is not complete: " .. found.lost
  end
  return d:text(head)
end

return report
