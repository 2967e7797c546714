-- SPDX-License-Identifier: BSD-3-Clause
--
-- An audit for a person: what was read, who talked to whom, then each requirement that was broken with where and how
-- often and one exchange as evidence, the gravest last, and the counts. Requirements that held or could not be judged
-- take a line or two.

local escape = require "reports.escape"
local evidence = require "reports.evidence"
local layout = require "reports.layout"
local summary = require "reports.audit.summary"
local wording = require "reports.wording"

local pretty = {}
pretty.__index = pretty

local BUDGET <const>, EACH <const> = 60, 40 -- decoded lines of an exchange, and of a message
local VARIANTS <const> = 4
local FIELD <const> = 600

function pretty.new(options)
  return setmetatable({ lines = {}, colour = options.colour, options = options,
    width = math.max(options.width or 100, 60) }, pretty)
end

function pretty:paint(colour, text) return layout.paint(self.colour, colour, text) end

function pretty:say(text) self.lines[#self.lines + 1] = text or "" end

-- The text in the columns right of `indent`, whose first line begins with `head`.
function pretty:wrap(head, indent, text)
  layout.wrap(self.lines, self.width, indent, escape.printable(text), head)
end

function pretty:labelled(label, text)
  if text and text ~= "" then layout.labelled(self.lines, self.width, "    ", label, escape.printable(text)) end
end

-- pretty.where(variant, many): "7 messages: frames 250, 256, ..., udp 192.0.2.1:4000 > 192.0.2.2:3478 and 4 more flows"
function pretty.where(variant, many)
  local frames = table.concat(variant.frames, ", ")
  if variant.count > #variant.frames then frames = frames .. ", ..." end
  local place = many and (" of %s%s"):format(escape.printable(variant.file, 400), variant.files > 1
    and (" (and %d more files)"):format(variant.files - 1) or "") or ""
  local flows = variant.flows[1] or ""
  local more = #variant.flows - 1
  if variant.more_flows and more < 1 then
    flows = flows .. " and more flows"
  elseif more > 0 then
    flows = ("%s and %s%s"):format(flows, variant.more_flows and "at least " or "",
      more == 1 and "1 more flow" or ("%d more flows"):format(more))
  end
  return ("%d message%s: frame%s %s%s, %s"):format(variant.count, variant.count == 1 and "" or "s",
    #variant.frames == 1 and variant.count == 1 and "" or "s", frames, place, flows)
end

function pretty:group(group, many, worst)
  local word = group.verdict == "fail" and "FAIL" or group.verdict
  local softened = group.softened and "softened by " .. group.softened
  local what = group.label and softened and group.label .. ", " .. softened or group.label or softened
  if what then self:wrap("  " .. self:paint(group.verdict, word) .. "  ", "        ", what) end
  for i, variant in ipairs(group.variants) do
    if i > VARIANTS then break end
    self:labelled("expected", (i == 1 or variant.expected ~= group.variants[i - 1].expected)
      and escape.printable(variant.expected or "that it holds", FIELD))
    self:labelled("got", escape.printable(variant.got or "that it does not", FIELD))
    self:labelled("in", pretty.where(variant, many))
  end
  local left = group.others
  for i = VARIANTS + 1, #group.variants do left = left + group.variants[i].count end
  if left > 0 then
    self:labelled("and", ("%d messages more with other values (--format json has them)"):format(left))
  end
  if not worst then return end
  for i, line in ipairs(evidence.exchange({ exchange = group.exchange }, BUDGET, EACH) or {}) do
    if i == 1 then
      local frames = evidence.frames { exchange = group.exchange } or "?"
      self:labelled("evidence", ("frame%s %s%s"):format(frames:find "%D" and "s" or "", frames,
        many and " of " .. escape.printable(group.file, 400) or ""))
    elseif not line:find "^step: " then
      self:say("      " .. line)
    end
  end
end

function pretty:broken(one, many)
  self:say()
  local head = ("%s  %s  %s  (%s)"):format(one.id, one.row.level, one.row.document .. " " .. one.row.section,
    one.role)
  self:say(self:paint(one.verdict, one.verdict == "fail" and "FAIL" or one.verdict) .. "  "
    .. self:paint("bold", head))
  self:wrap("    ", "    ", one.row.text)
  -- The gravest group has the evidence.
  local worst
  for _, group in ipairs(one.groups) do
    if not worst or group.verdict == "fail" and worst.verdict ~= "fail" then worst = group end
  end
  for _, group in ipairs(one.groups) do self:group(group, many, group == worst) end
end

function pretty:ids(title, list, text)
  if #list == 0 then return end
  local parts = {}
  for i, one in ipairs(list) do parts[i] = text and text(one) or one.id end
  self:say()
  self:say(self:paint("bold", title))
  self:wrap("  ", "  ", table.concat(parts, ", "))
end

function pretty:heading(gathered)
  local files = gathered.files
  local name = #files == 1 and files[1] or ("%d captures"):format(#files)
  self:say(self:paint("bold", "assay audit: " .. escape.printable(name, 400)))
  for _, line in ipairs(summary.extent(gathered)) do self:say(line) end
  local notes = summary.notes(gathered)
  for i, line in ipairs(notes) do
    if i > 50 then
      self:say(("... (%d notes more)"):format(#notes - 50))
      break
    end
    self:wrap(self:paint("warn", "note") .. "  ", "      ", line)
  end
  for _, section in ipairs(summary.sections(gathered, self.options)) do
    self:say()
    self:say(self:paint("bold", section.title))
    for _, line in ipairs(section.lines) do self:say("  " .. line) end
  end
end

-- The lines of the whole report.
function pretty.lines_of(gathered, totals, options)
  local self = pretty.new(options)
  local many = #gathered.files > 1
  self:heading(gathered)
  local by = { pass = {}, warn = {}, fail = {}, inconclusive = {}, skip = {} }
  for _, one in ipairs(gathered.requirements) do
    one.role = one.row.role
    by[one.verdict][#by[one.verdict] + 1] = one
  end
  for _, word in ipairs { "warn", "inconclusive", "fail" } do
    for _, one in ipairs(by[word]) do self:broken(one, many) end
  end
  self:ids("held", by.pass, function(one) return ("%s (%d)"):format(one.id, one.held) end)
  local reasons, order = {}, {}
  for _, one in ipairs(by.skip) do
    local reason = gathered:lack(one)
    if not reasons[reason] then reasons[reason], order[#order + 1] = {}, reason end
    table.insert(reasons[reason], one)
  end
  for _, reason in ipairs(order) do self:ids("not judged: " .. reason, reasons[reason]) end
  self:say()
  if gathered.interrupted then self:say(self:paint("fail", "interrupted: this is what was gathered until then")) end
  local worst = (totals.fail > 0 or options.strict and totals.warn > 0) and "fail" or totals.warn > 0 and "warn"
    or totals.pass > 0 and "pass" or "inconclusive"
  self:say(self:paint(worst, "requirements: " .. wording.counts(totals, wording.tally(), options.strict)))
  return self.lines
end

return pretty
