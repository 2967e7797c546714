-- SPDX-License-Identifier: BSD-3-Clause
--
-- Work that a person may break off: it goes on until its end or until SIGINT, SIGTERM or SIGHUP, and whoever asked for
-- it has a report to make in either case.

local net = require "net"

local interruptible = {}

local SIGNALS <const> = { "INT", "TERM", "HUP" }
local LAST <const> = 5 -- seconds that cancelled work has to put away what it holds

-- Does work() in a task of its own. options: on_interrupt() is called at a signal; grace: the seconds in which work
-- that was interrupted may end by itself before it is cancelled (0).
-- Returns { interrupted =, failure = what a person is told when it threw, results = { what it returned }, release = }.
-- The signals are held until release(): a second one, of somebody impatient, must not cost the report. It is seen in
-- `interrupted` as the first one is.
function interruptible.run(work, options)
  local outcome, handles, ended = { interrupted = false, results = {} }, {}, net.condition()
  for i, name in ipairs(SIGNALS) do
    handles[i] = net.on_signal(name, function()
      outcome.interrupted = true
      if options.on_interrupt then options.on_interrupt() end
      ended:notify()
    end)
  end
  local worker = net.spawn(work)
  local watcher = net.spawn(function()
    local joined = table.pack(worker:join())
    if joined[1] then
      outcome.results = table.move(joined, 2, joined.n, 1, {})
    elseif not outcome.interrupted then
      outcome.failure = "assay itself failed, which is a bug of assay: " .. tostring(joined[2])
    end
    ended:notify()
  end)
  ended:wait()
  local grace = options.grace or 0
  if outcome.interrupted and (grace == 0 or not watcher:join(grace)) then worker:cancel() end
  watcher:join(LAST)
  function outcome.release()
    for _, handle in ipairs(handles) do handle:close() end
  end
  return outcome
end

return interruptible
