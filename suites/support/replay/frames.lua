-- SPDX-License-Identifier: BSD-3-Clause
--
-- Frames of a capture as a command line names them, "17,40-52": which messages are played, and which are not. Numbers
-- are those of Wireshark, from 1 on.

local frames = {}
frames.__index = frames

local DIGITS <const> = 15
local SHOWN <const> = 5 -- frames, in a sentence

-- One number or range. from, to; nil, text.
local function read_range(text)
  local from, to = text:match "^(%d+)$", nil
  if not from then from, to = text:match "^(%d+)%-(%d+)$" end
  if not from then
    local hint = text == "" and "there is nothing between two commas, or no frame at all"
      or ("'%s' is neither a frame nor a range"):format(text)
    return nil, hint .. ": frames look like 17 or 17,40-52"
  end
  to = to or from
  if #from > DIGITS or #to > DIGITS then return nil, ("'%s' is beyond every frame"):format(text) end
  from, to = tonumber(from), tonumber(to)
  if from == 0 then return nil, ("'%s': frames are counted from 1, as Wireshark shows them"):format(text) end
  if from > to then return nil, ("'%s' ends before it begins: %d-%d is meant, perhaps"):format(text, to, from) end
  return from, to
end

-- Ranges in their order, those that overlap as one.
local function merged(ranges)
  table.sort(ranges, function(a, b) return a.from < b.from end)
  local list = {}
  for _, range in ipairs(ranges) do
    local last = list[#list]
    if last and range.from <= last.to then
      last.to = math.max(last.to, range.to)
    else
      list[#list + 1] = { from = range.from, to = range.to }
    end
  end
  return list
end

-- The ranges of all texts that an option was given; nil when it was not. nil, text when one is none.
local function read_lists(option, texts)
  local ranges = {}
  for _, text in ipairs(texts) do
    for part in (text .. ","):gmatch "([^,]*)," do
      local from, to = read_range(part:match "^%s*(.-)%s*$")
      if not from then return nil, ("%s %s: %s"):format(option, text, to) end
      ranges[#ranges + 1] = { from = from, to = to }
    end
  end
  return { option = option, ranges = merged(ranges) }
end

-- only, without: lists of texts, as given. What is chosen by them, nil where nothing was named and so all is; nil, text
-- when one of them cannot be read.
function frames.read(only, without)
  if #only == 0 and #without == 0 then return nil end
  local self = setmetatable({}, frames)
  for _, one in ipairs { { "only", only }, { "without", without } } do
    if #one[2] > 0 then
      local problem
      self[one[1]], problem = read_lists("--" .. one[1], one[2])
      if not self[one[1]] then return nil, problem end
    end
  end
  return self
end

-- Whether one of the frames first to last is in a list; each range that has one is marked.
local function hits(list, first, last, mark, value)
  local ranges = list.ranges
  local low, high = 1, #ranges
  while low <= high do -- to the last range that begins at `last` or before
    local middle = (low + high) // 2
    if ranges[middle].from <= last then low = middle + 1 else high = middle - 1 end
  end
  local found = false
  while high >= 1 and ranges[high].to >= first do
    ranges[high][mark] = ranges[high][mark] or value
    found, high = true, high - 1
  end
  return found
end

-- Whether a message that began in the frame `first` and was complete with `last` is to be played.
function frames:choose(first, last)
  local chosen = not self.only or hits(self.only, first, last, "used", true)
  if self.without and hits(self.without, first, last, "used", true) then chosen = false end
  return chosen
end

-- A request that was sent again there, after frame `original`: that is never played.
function frames:again(first, last, original)
  for _, list in ipairs { self.only or self.without, self.only and self.without } do
    hits(list, first, last, "again", { frame = last, original = original })
  end
end

-- What was named and chose nothing, as one sentence; nil when all of it did.
function frames:idle()
  for _, list in ipairs { self.only or self.without, self.only and self.without } do
    local idle, again = {}, nil
    for _, range in ipairs(list.ranges) do
      if not range.used then
        idle[#idle + 1] = range.from == range.to and tostring(range.from) or range.from .. "-" .. range.to
        again = again or range.again
      end
    end
    if #idle > 0 then
      local text = table.concat(idle, ",", 1, math.min(#idle, SHOWN)) .. (#idle > SHOWN and ",..." or "")
      local more = again and (": frame %d holds a retransmission, and its request is in frame %d"):format(again.frame,
        again.original) or ""
      return ("%s names %s, where there is nothing that would be played%s"):format(list.option, text, more)
    end
  end
end

return frames
