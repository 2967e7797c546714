-- SPDX-License-Identifier: BSD-3-Clause
--
-- The options of a command line that say how patiently a target is asked.

local patience = {}

local ranges = {
  { "rto", 0.001, 60, "a number of seconds" }, { "rc", 1, 32, "a whole number" }, { "rm", 0.1, 1000, "a number" },
}

-- What is wrong with them, or nil.
function patience.wrong(options)
  for _, range in ipairs(ranges) do
    local name, least, most, what = table.unpack(range)
    local value = options[name]
    if value and (value < least or value > most) then
      return ("--%s is %s from %s to %s, not %s"):format(name, what, least, most, value)
    end
  end
end

return patience
