-- SPDX-License-Identifier: BSD-3-Clause
--
-- lua5.4 tests/reports/driver.lua FORM CASE: writes one case of cases.lua in one form to standard output.
-- FORM: tap, tap14, tap-strict, pretty, pretty-strict, pretty-terminal, ndjson, json. The case "echo" is made of the
-- text on standard input. The case "full disk" writes to a sink that fails and tells how the report took it.

local root = arg[0]:match("^(.*)/tests/reports/[^/]*$") or "."
package.path = root .. "/?.lua;" .. root .. "/tests/reports/?.lua;" .. package.path
package.preload["json"] = function()
  return dofile(root .. "/tests/reports/json.lua")
end

local cases = require("cases")

local FORMS = {
  ["tap"] = { "reports.tap", {} },
  ["tap14"] = { "reports.tap", { version = 14 } },
  ["tap-strict"] = { "reports.tap", { strict = true } },
  ["pretty"] = { "reports.pretty", {} },
  ["pretty-strict"] = { "reports.pretty", { strict = true, width = 100 } },
  ["pretty-terminal"] = { "reports.pretty", { terminal = true, colour = true, width = 72 } },
  ["ndjson"] = { "reports.ndjson", {} },
  ["json"] = { "reports.json", {} },
}

local form = FORMS[arg[1]] or error("no form " .. tostring(arg[1]))
local case = arg[2] or error("no case")
local calls = case == "echo" and cases.echo(io.read("a")) or cases[case:gsub(" ", "_")] or error("no case " .. case)

if type(calls) == "function" then
  calls = calls()
end

local fails = case == "full disk"
local report = require(form[1]).new(function(text)
  assert(type(text) == "string" and text ~= "", "a sink is called with text only")
  if fails then
    return nil, "No space left on device"
  end
  return io.write(text) and true
end, form[2])

for _, call in ipairs(calls) do
  local ok, err = report[call[1]](report, table.unpack(call, 2))
  if fails then
    io.write(("%s: %s %s\n"):format(call[1], tostring(ok), tostring(err)))
  else
    assert(ok == true, err)
  end
end
