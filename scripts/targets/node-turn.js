// SPDX-License-Identifier: BSD-3-Clause
//
// Starts node-turn of npm for one run (by npm.sh), as the environment says; see coturn.sh for what is in it. It speaks
// UDP, and takes passwords alone.
"use strict";

const Turn = require(process.argv[2]);
const env = process.env;

const credentials = {};
for (const line of (env.ASSAY_USERS || "").split("\n")) {
  const colon = line.indexOf(":");
  if (colon > 0) credentials[line.slice(0, colon)] = line.slice(colon + 1);
}
const addresses = [env.ASSAY_ADDRESS, env.ASSAY_ADDRESS6].filter(Boolean);

new Turn({
  listeningIps: addresses,
  listeningPort: Number(env.ASSAY_PORT),
  minPort: 20000,
  maxPort: 29999,
  authMech: "long-term",
  realm: env.ASSAY_REALM,
  credentials,
  debugLevel: "ERROR",
}).start();
process.on("SIGTERM", () => process.exit(0));
