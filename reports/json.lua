-- SPDX-License-Identifier: BSD-3-Clause
--
-- `--format json`: the lines of results.ndjson on standard output, so that one reader serves both.

return require("reports.ndjson")
