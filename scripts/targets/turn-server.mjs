// SPDX-License-Identifier: BSD-3-Clause
//
// Starts turn-server of npm for one run (by npm.sh), as the environment says; see coturn.sh for what is in it.
//
//   TURN_SERVER_MECHANISM   long-term (passwords) or oauth (access tokens), from the profile's launch.environment
//
// In oauth mode the package leaves the opening of tokens to a listener, and createServer hands none through, nor the
// name to announce: both are set here on each session as it comes. The listener is given the token and the realm and
// nothing else, so it tries every key it has. It opens the token, and no more: what RFC 7635 has the server check
// beside that is the package's to ask for, and it does not.
import { createDecipheriv } from "node:crypto";
import { pathToFileURL } from "node:url";

const env = process.env;
const { createServer } = await import(pathToFileURL(process.argv[2] + "/index.js"));
const oauth = env.TURN_SERVER_MECHANISM === "oauth";
const lines = (text) => (text ?? "").split("\n").filter((line) => line !== "");

const ciphers = { A256GCM: "aes-256-gcm", A192GCM: "aes-192-gcm", A128GCM: "aes-128-gcm" };
const keys = lines(env.ASSAY_KEYS).map((line) => {
  const [, algorithm, key] = line.match(/:([^:]*):([^:]*)$/);
  return { cipher: ciphers[algorithm], key: Buffer.from(key, "base64") };
}).filter((one) => one.cipher);

// The mac_key inside of an access token, null for one that opens under no key.
function open(token) {
  const octets = Buffer.from(token);
  if (octets.length < 2) return null;
  const sealed = 2 + octets.readUInt16BE(0);
  if (octets.length < sealed + 16 || sealed === 2) return null;
  for (const { cipher, key } of keys) {
    try {
      const opener = createDecipheriv(cipher, key, octets.subarray(2, sealed), { authTagLength: 16 });
      opener.setAAD(Buffer.from(env.ASSAY_SERVER_NAME));
      opener.setAuthTag(octets.subarray(-16));
      const block = Buffer.concat([opener.update(octets.subarray(sealed, -16)), opener.final()]);
      const length = block.readUInt16BE(0);
      return block.length >= 2 + length + 12 ? block.subarray(2, 2 + length) : null;
    } catch {
      // Sealed under another key, or by nobody.
    }
  }
  return null;
}

const server = createServer({
  auth: {
    mechanism: oauth ? "oauth" : "long-term",
    realm: env.ASSAY_REALM,
    credentials: Object.fromEntries(lines(env.ASSAY_USERS).map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1)];
    })),
  },
  relay: { ip: env.ASSAY_ADDRESS, portRange: [20000, 29999] },
  allowLoopback: true,
  tls: env.ASSAY_CERTIFICATE ? { cert: env.ASSAY_CERTIFICATE, key: env.ASSAY_PRIVATE_KEY } : undefined,
});
server.on("error", (problem) => console.error(problem));
server.on("connection", (socket) => {
  if (!oauth) return;
  const session = socket.getSession();
  session.context.thirdPartyAuthUrl = env.ASSAY_SERVER_NAME;
  session.on("authenticate_oauth", (token, realm, answer) => answer(null, open(token)));
});
const listen = (transport, address, port) => {
  if (address && port) server.listen({ transport, address, port: Number(port) });
};
for (const address of [env.ASSAY_ADDRESS, env.ASSAY_ADDRESS6]) {
  listen("udp", address, env.ASSAY_PORT);
  listen("tcp", address, env.ASSAY_PORT);
  listen("tls", address, env.ASSAY_TLS_PORT);
}
process.on("SIGTERM", () => process.exit(0));
