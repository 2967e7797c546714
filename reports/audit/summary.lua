-- SPDX-License-Identifier: BSD-3-Clause
--
-- What captures tell besides breaches, as sections of plain lines: what was read, who talked to whom, methods, tokens,
-- names, and what could be read on the way. Every line is printable ASCII. It is made from what was gathered
-- (reports/audit/gather.lua), and cuts what would be too long to be read; the JSON form has all of it.

local clock = require "clock"
local escape = require "reports.escape"

local summary = {}

local SHOWN <const> = 12 -- rows of a table
local VALUE <const> = 60 -- octets of a name

local function plural(count, word) return ("%d %s%s"):format(count, word, count == 1 and "" or "s") end

-- rows of cells as lines: columns left-aligned but for those named in `right`.
local function columns(rows, right)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, #cell) end
  end
  for r, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local blank = (" "):rep(widths[i] - #cell)
      cells[i] = right[i] and blank .. cell or i < #row and cell .. blank or cell
    end
    lines[r] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return lines
end

local function utc(nanoseconds)
  return (clock.utc(nanoseconds // 1000000000):gsub("T", " "):gsub("Z$", ""))
end

local function latency(microseconds)
  if not microseconds then return "-" end
  if microseconds < 1000 then return ("%d us"):format(microseconds) end
  if microseconds < 1000000 then return ("%.1f ms"):format(microseconds / 1000) end
  return ("%.1f s"):format(microseconds / 1e6)
end

local function span(seconds)
  if seconds >= 172800 then return ("%d days"):format(seconds // 86400) end
  if seconds >= 7200 then return ("%d hours"):format(seconds // 3600) end
  return plural(seconds, "second")
end

-- The `most` rows of the list that come first by `value`; rows that are equal keep their order.
local function first(list, most, value)
  local order = {}
  for i, one in ipairs(list) do order[i] = { one = one, at = i, value = value(one) } end
  table.sort(order, function(a, b)
    if a.value ~= b.value then return a.value > b.value end
    return a.at < b.at
  end)
  local out = {}
  for i = 1, math.min(most, #order) do out[i] = order[i].one end
  return out
end

-- What was read, in a sentence or two.
function summary.extent(gathered)
  local counts, lines = gathered.counts, {}
  local parts = { plural(counts.packets or 0, "packet"), plural(counts.messages or 0, "STUN message") }
  if (counts.channel_data or 0) > 0 then parts[#parts + 1] = ("%d ChannelData"):format(counts.channel_data) end
  parts[#parts + 1] = plural(counts.flows or 0, "flow")
  if (counts.tls or 0) > 0 then
    parts[#parts + 1] = ("%s, %d of them opaque"):format(plural(counts.tls, "TLS or DTLS connection"),
      counts.tls_opaque or 0)
  end
  lines[1] = table.concat(parts, ", ")
  local from, to
  for _, party in ipairs(gathered.parties) do
    from = from and math.min(from, party.first_time) or party.first_time
    to = to and math.max(to, party.last_time) or party.last_time
  end
  if from then
    lines[2] = ("from %s to %s UTC (%s)"):format(utc(from), utc(to), span((to - from) // 1000000000))
  end
  return lines
end

local function traffic(gathered)
  local one_file = #gathered.files == 1
  local rows = { { "client", "server", "over", "flows", "messages", "ChannelData", one_file and "frames" or "",
    "first", "last (UTC)" } }
  for _, party in ipairs(first(gathered.parties, SHOWN, function(one) return one.messages + one.channel_data end)) do
    rows[#rows + 1] = { party.client, party.server, party.transport, tostring(party.flows), tostring(party.messages),
      tostring(party.channel_data), one_file and ("%d-%d"):format(party.first_frame, party.last_frame) or "",
      utc(party.first_time), utc(party.last_time):sub(12) }
  end
  local lines = columns(rows, { [4] = true, [5] = true, [6] = true })
  local more = #gathered.parties - SHOWN
  if more > 0 then lines[#lines + 1] = ("and %d more pairs with less traffic"):format(more) end
  local left = gathered.left.parties or 0
  if left > 0 then lines[#lines + 1] = ("and %s between others"):format(plural(left, "flow")) end
  return lines
end

local function outcome_text(method)
  local list = {}
  for code in pairs(method.outcomes) do list[#list + 1] = code end
  table.sort(list, function(a, b) -- success first, then by number
    return (tonumber(a) or 0) < (tonumber(b) or 0)
  end)
  for i, code in ipairs(list) do list[i] = ("%s %d"):format(code, method.outcomes[code]) end
  return #list > 0 and table.concat(list, ", ") or "-"
end

local function methods(gathered)
  local rows = { { "method", "requests", "again", "indications", "median", "95 %", "longest", "answers" } }
  for _, method in ipairs(first(gathered.methods, 32, function(one) return one.requests + one.indications end)) do
    local timed = method.latencies > 0
    local function part(of) return timed and latency(gathered.quantile(method, of)) or "-" end
    rows[#rows + 1] = { escape.printable(method.method, 40), tostring(method.requests), tostring(method.repeated),
      tostring(method.indications), part(0.5), part(0.95), timed and latency(method.longest) or "-",
      outcome_text(method) }
  end
  local lines = columns(rows, { [2] = true, [3] = true, [4] = true, [5] = true, [6] = true, [7] = true })
  if (gathered.counts.unanswered or 0) > 0 then
    lines[#lines + 1] = plural(gathered.counts.unanswered, "request") .. " without an answer"
  end
  return lines
end

local function tokens(gathered)
  local rows = { { "kid", "algorithm", "requests", "opened", "refused", "sealed", "lifetimes" } }
  for _, key in ipairs(first(gathered.keys, SHOWN, function(one) return one.requests end)) do
    local lifetimes = key.least and (key.least == key.most and ("%d s"):format(key.least)
      or ("%d s to %d s"):format(key.least, key.most)) or "-"
    rows[#rows + 1] = { key.kid == "" and "(none)" or escape.printable(key.kid, VALUE), key.algorithm or "-",
      tostring(key.requests), tostring(key.opened), tostring(key.refused), tostring(key.sealed + key.unknown),
      lifetimes }
  end
  local lines = columns(rows, { [3] = true, [4] = true, [5] = true, [6] = true })
  if #gathered.keys > SHOWN then lines[#lines + 1] = ("and %d more kids"):format(#gathered.keys - SHOWN) end
  return lines
end

local KINDS <const> = { "server name", "realm", "server software", "client software", "username" }

local function names_of(gathered, kind, chosen)
  local list = {}
  for _, name in ipairs(gathered.names) do
    if name.kind == kind and (not chosen or chosen(name)) then list[#list + 1] = name end
  end
  return list
end

local function names(gathered)
  local rows = {}
  for _, kind in ipairs(KINDS) do
    local list = names_of(gathered, kind)
    local values = {}
    for i, name in ipairs(first(list, 6, function(one) return one.messages end)) do
      values[i] = ('"%s"'):format(escape.printable(name.value, VALUE))
    end
    if #list > #values then values[#values + 1] = ("%d more"):format(#list - #values) end
    for i, value in ipairs(values) do rows[#rows + 1] = { i == 1 and kind or "", value } end
  end
  return columns(rows, {})
end

local function hosts_text(one)
  local more = #one.hosts - 4
  local text = table.concat(one.hosts, ", ", 1, math.min(#one.hosts, 4))
  return (more > 0 or one.more_hosts) and text .. " and more" or text
end

-- The names that could be read, and where.
local function readable_names(gathered)
  local rows, left = { { "what", "value", "messages", "flows", "clients" } }, 0
  for _, kind in ipairs { "username", "realm", "server name", "client software", "server software" } do
    local list = names_of(gathered, kind, function(name) return name.clear > 0 end)
    for _, name in ipairs(first(list, SHOWN, function(one) return one.clear end)) do
      rows[#rows + 1] = { kind, ('"%s"'):format(escape.printable(name.value, VALUE)), tostring(name.clear),
        tostring(name.clear_flows), hosts_text(name) }
    end
    left = left + math.max(#list - SHOWN, 0)
  end
  if not rows[2] then return {} end
  local lines = columns(rows, { [3] = true, [4] = true })
  if left > 0 then lines[#lines + 1] = ("and %d more names"):format(left) end
  return lines
end

-- What whoever listened has learnt (RFC 7376).
function summary.privacy(gathered)
  local lines, learnt = {}, gathered.privacy
  local function say(format, ...) lines[#lines + 1] = format:format(...) end
  local function count(name) return learnt[name] or 0 end
  if count("mac_keys") + count("keys") + count("passwords") > 0 then
    say("secrets in the clear: %d with a mac_key, %d with a long-term key, %d with a password; first in frame %d of %s",
      count "mac_keys", count "keys", count "passwords", learnt.first_secret,
      escape.printable(learnt.file, 200))
  end
  for _, line in ipairs(readable_names(gathered)) do lines[#lines + 1] = line end
  if count "tokens_clear" > 0 then
    local linking = count "linking"
    local seen = linking == 0 and "none was seen on more than one flow"
      or linking == 1 and "1 token was seen on more than one flow, and links these to one user"
      or ("%d tokens were seen on more than one flow, and each links these to one user"):format(linking)
    say("tokens in the clear: in %s; %s", plural(count "tokens_clear", "request"), seen)
  end
  if count "reuses" > 0 then
    say("tokens that came from more than one address: %d; each tells that one user was in several networks",
      count "reuses")
    for i, reuse in ipairs(gathered.reuses) do
      if i > SHOWN then break end
      say('  one of kid "%s", again in frame %d of %s: %s', escape.printable(reuse.kid, VALUE), reuse.first_frame,
        escape.printable(reuse.file, 200), hosts_text(reuse))
    end
  end
  if not lines[1] then
    lines[1] = (gathered.counts.messages or 0) == 0 and "no STUN could be read, so nothing is known of it"
      or "nothing: no name, token or secret was sent in the clear"
  end
  return lines
end

-- What a reader must know of the files to believe the rest.
function summary.notes(gathered)
  local lines, many = {}, #gathered.files > 1
  local function say(format, ...) lines[#lines + 1] = format:format(...) end
  for _, file in ipairs(gathered.damaged) do
    local name = escape.printable(file.file, 400)
    local text = file.damage and escape.printable(file.damage.text, 400)
    if file.unread then
      say("%s%s", file.damage.text:find(file.file, 1, true) and "" or name .. ": ", text)
    elseif file.damage then
      say("%s: read up to octet %s, behind frame %d: %s", name, file.damage.offset or "?", file.packets, text)
    end
    if (file.cut_packets or 0) > 0 then
      say("%s: %s cut short by the capture (its snap length), the first is frame %d; what was cut is not judged%s",
        name, plural(file.cut_packets, "packet"), file.cut_frame,
        file.cut > 0 and ", " .. plural(file.cut, "message") .. " of STUN or more" or "")
    end
    if (file.backwards or 0) > 0 then
      say("%s: time runs backwards at %s, the first is frame %d at octet %d", name, plural(file.backwards, "packet"),
        file.backwards_frame, file.backwards_offset)
    end
    for _, link in ipairs(file.unknown_links or {}) do
      say("%s: %s of link type %d, which is not decoded here, from frame %d on", name,
        plural(link.packets, "packet"), link.link, link.first_frame)
    end
    if (file.crowded or 0) > 0 then
      say("%s: %s forgotten before the end, the longest idle first, since more than --sessions were open at once", name,
        plural(file.crowded, "session"))
    end
  end
  local lost = gathered.counts
  if (lost.stream_lost or 0) > 0 then say("%s of TCP streams are missing", plural(lost.stream_lost, "octet")) end
  if (lost.fragments_lost or 0) > 0 then
    say("%s of which a fragment is missing", plural(lost.fragments_lost, "datagram"))
  end
  for _, opaque in ipairs(gathered.opaque) do
    say("opaque: %s%s%s: %s", many and escape.printable(opaque.file, 400) .. ": " or "",
      escape.printable(opaque.first, 200), opaque.count > 1 and (" and %d more"):format(opaque.count - 1) or "",
      escape.printable(opaque.reason, 300))
  end
  for _, note in ipairs(gathered.notes) do
    local times = note.about and "" or note.count == 1 and "once, in" or note.count .. " times, first in"
    local place = note.frame and (" (%s frame %d%s)"):format(note.about and "first in" or times, note.frame,
      many and " of " .. escape.printable(note.file, 400) or "") or ""
    say("%s%s", escape.printable(note.text, 600), place)
  end
  if gathered.more_notes > 0 then say("and %d more notes", gathered.more_notes) end
  return lines
end

-- { { title =, lines = }, … }; options.privacy adds what could be read on the way.
function summary.sections(gathered, options)
  local list = {}
  local function section(title, there, lines)
    if there then list[#list + 1] = { title = title, lines = lines(gathered) } end
  end
  section("who talked to whom", #gathered.parties > 0, traffic)
  section("methods", #gathered.methods > 0, methods)
  section("tokens", #gathered.keys > 0, tokens)
  section("names", #gathered.names > 0, names)
  section("what an eavesdropper learns", options.privacy, summary.privacy)
  return list
end

return summary
