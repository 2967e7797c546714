-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a target did not outlive: the messages, as few as do it, and how it ended. They are sent again to see that it
-- was these, reduced to the shortest sequence that does it (support/shrink.lua), and written as a reproducer.

local reproducer = require "support.reproducer"
local shrink = require "support.shrink"

local finding = {}
finding.__index = finding

finding.MOST_TRIES = 10 -- of one sequence: what is read behind the end of something kills now and then

local TRIES = 3 -- of one sequence among many
local MOST_QUESTIONS = 24 -- of a reduction: each may cost a restart
local FEW = 8 -- messages that are each tried alone in the end

-- fields: messages (descriptions), ending, how the target ended, and whether they were seen to do it (confirmed).
function finding.new(fields)
  return setmetatable(fields, finding)
end

-- The shortest sequence that was seen to kill; nil where none of those that were sent does it again.
local function reduce(firing, batch, history, record)
  local whole = firing:does(batch, TRIES) and batch
  if not whole and #history > #batch and firing:does(history, TRIES) then whole = history end
  -- What a target has only so much of was also taken by questions that nobody asks again: so it is sent twice.
  if not whole then
    local twice = table.move(history, 1, #history, #history + 1, table.move(history, 1, #history, 1, {}))
    whole = firing:does(twice, 1) and twice
  end
  if not whole then return nil end
  firing.reducing = true -- a wrong answer to one of many questions shows in the end
  local shortest = shrink.shortest(whole, function(list) return (firing:does(list, TRIES)) end, MOST_QUESTIONS)
  -- A message that kills only now and then is easily taken for one that needs company.
  for i = #shortest, #shortest > 1 and #shortest <= FEW and 1 or #shortest + 1, -1 do
    if firing:does({ shortest[i] }, finding.MOST_TRIES) then
      shortest = { shortest[i] }
      break
    end
  end
  firing.reducing = false
  for _, list in ipairs { shortest, whole } do
    local deadly, ending = firing:does(list, finding.MOST_TRIES, record)
    if deadly then return list, ending end
  end
end

-- After a batch that the target did not outlive: `problem` is how that was seen. t: the hands of the scenario.
function finding.of(t, firing, batch, problem)
  local history = firing.life
  local ending, silent = firing:bury(problem)
  local self = finding.new {
    ending = ending, silent = silent, confirmed = false, messages = #history > #batch and history or batch,
  }
  t.last_words = ("one of %d messages, the first: %s"):format(#self.messages, self.messages[1].what)
  if firing.bench.custody.launched then
    local shortest, how = reduce(firing, batch, history, t.record)
    if shortest then
      self.messages, self.ending, self.confirmed, self.octets = shortest, how, true, firing.last_octets
    end
  end
  self:write(t.id, firing)
  return self
end

-- Writes the reproducer into the folder of the run, where there is one.
function finding:write(id, firing)
  local bench = firing.bench
  if not bench.folder then return end
  local number = (bench.reproducers or 0) + 1
  bench.reproducers = number
  local path = ("%s/reproducer-%d.json"):format(bench.folder, number)
  self.command = bench.custody.rerun("robustness/reproduce/input", path)
  local ok
  ok, self.problem = reproducer.write(path, {
    target = bench.profile.name, transport = firing.transport, seed = bench.seed, scenario = id, ending = self.ending,
    confirmed = self.confirmed, command = self.command, messages = self.messages, octets = self.octets,
  })
  if ok then self.path = path end
end

-- In words.
function finding:describe()
  local whats = {}
  for i, one in ipairs(self.messages) do
    if i > 3 then
      whats[i] = ("and %d more"):format(#self.messages - 3)
      break
    end
    whats[i] = one.what
  end
  local text = table.concat(whats, "; then ")
  if not self.confirmed then
    return ("%s after %d messages, which do not do it again (the first: %s)"):format(self.ending, #self.messages,
      self.messages[1] and self.messages[1].what or "none")
  end
  return ("%s after %s"):format(self.ending, text)
end

return finding
