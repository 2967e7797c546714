// SPDX-License-Identifier: BSD-3-Clause
//
// Makes vectors/tokens.json with the crypto of Node.js: a second implementation of RFC 7635 section 6.2 that shares
// no line with engine/token. Keys and nonces come from SHA-256 of a label, so a second run gives the same file:
//
//     node scripts/vectors/make-tokens.mjs > vectors/tokens.json
import {createCipheriv, createHash, createHmac, hkdfSync} from "node:crypto"

const algorithms = {
  "A256GCM": {cipher: "aes-256-gcm", key: 32, tag: 16},
  "A192GCM": {cipher: "aes-192-gcm", key: 24, tag: 16},
  "A128GCM": {cipher: "aes-128-gcm", key: 16, tag: 16},
  "A128CBC-HS256": {cipher: "aes-128-cbc", key: 32, half: 16, hash: "sha256", tag: 16},
  "A192CBC-HS384": {cipher: "aes-192-cbc", key: 48, half: 24, hash: "sha384", tag: 24},
  "A256CBC-HS512": {cipher: "aes-256-cbc", key: 64, half: 32, hash: "sha512", tag: 32},
}

function octets(label, length) {
  const parts = []
  for (let i = 0; i * 32 < length; i++) parts.push(createHash("sha256").update(`assay vector: ${label} ${i}`).digest())
  return Buffer.concat(parts).subarray(0, length)
}
const u16 = n => { const b = Buffer.alloc(2); b.writeUInt16BE(n); return b }
const u32 = n => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b }
const u64 = n => { const b = Buffer.alloc(8); b.writeBigUInt64BE(n); return b }
const al = name => u64(BigInt(name.length) * 8n)
const stamp = (seconds, fraction) => BigInt(seconds) << 16n | BigInt(fraction)
const none = Buffer.alloc(0), zero = Buffer.alloc(16)

function block(v) {
  return Buffer.concat([u16(v.keyLength ?? v.macKey.length), v.macKey, u64(v.timestamp), u32(v.lifetime), v.extra])
}

function seal(v) {
  const a = algorithms[v.algorithm], plain = v.plain ?? block(v), name = v.sealedFor ?? v.name
  if (!a.hash) {
    const c = createCipheriv(a.cipher, v.sealedWith ?? v.key, v.nonce, {authTagLength: 16})
    c.setAAD(name)
    const body = Buffer.concat([c.update(plain), c.final()])
    return Buffer.concat([u16(v.nonceLength ?? v.nonce.length), v.nonce, body, c.getAuthTag()])
  }
  const f3 = v.form.startsWith("F3"), f4 = v.form === "F4", iv = f3 ? v.nonce : zero
  const k = v.sealedWith ?? v.key
  let auth = k.subarray(0, a.half), enc = k.subarray(a.half)
  if (f4) auth = enc = Buffer.from(hkdfSync(a.hash, k, none, none, a.half))
  const c = createCipheriv(a.cipher, enc, iv)
  if (v.padding) c.setAutoPadding(false)
  const s = Buffer.concat([c.update(Buffer.concat([plain, v.padding ?? none])), c.final()])
  const covered = f4 ? [s, name] : [name, v.form === "F3" ? iv : v.form === "F2" ? zero : none, s, v.al ?? al(name)]
  const t = createHmac(a.hash, auth).update(Buffer.concat(covered)).digest().subarray(0, a.tag)
  const nonce = f3 ? v.nonce : v.nonceInF1 ?? none
  return Buffer.concat([f4 ? none : u16(v.nonceLength ?? nonce.length), nonce, s, t])
}

const vectors = []
function add(name, shows, changes = {}) {
  const algorithm = changes.algorithm ?? "A256GCM", cbc = algorithm.includes("CBC")
  const v = {
    algorithm, form: cbc ? "F1" : "GCM", key: octets(`key ${algorithm}`, algorithms[algorithm].key),
    name: Buffer.from("turn1.example.org"), macKey: octets(`mac_key ${name}`, 20), timestamp: stamp(1700000000, 0),
    lifetime: 3600, extra: none, nonce: octets(`nonce ${name}`, cbc ? 16 : 12), ...changes,
  }
  let token = seal(v)
  if (v.token) token = v.token(token)
  const row = {name, shows, valid: !v.error, algorithm, key: v.key.toString("base64"), server_name: v.name.toString(),
               token: token.toString("base64")}
  if (v.error) Object.assign(row, {error: v.error, offset: v.offset})
  else Object.assign(row, {
    form: v.form, nonce: v.form === "GCM" || v.form.startsWith("F3") ? v.nonce.toString("base64") : "",
    mac_key: v.macKey.toString("base64"), timestamp: v.timestamp, lifetime: v.lifetime,
    extra: v.extra.toString("base64"),
  })
  if (v.deviation) row.deviation = v.deviation
  vectors.push(row)
}
const flip = (token, at) => { const t = Buffer.from(token); t[at < 0 ? t.length + at : at] ^= 1; return t }
const gcm = ["A256GCM", "A192GCM", "A128GCM"], cbc = ["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"]

for (const algorithm of gcm) add(`${algorithm}`.toLowerCase(), `a plain ${algorithm} token opens`, {algorithm})
for (const algorithm of cbc) for (const form of ["F1", "F2", "F3", "F3-bare", "F4"])
  add(`${algorithm}-${form}`.toLowerCase(), `form ${form} of ${algorithm} is told from the other forms`,
    {algorithm, form})
add("f3-zero-vector", "form F3 with a vector of zeros", {algorithm: "A256CBC-HS512", form: "F3", nonce: zero})
add("f1-whole-blocks", "a block of 32 octets gets a whole block of padding",
    {algorithm: "A128CBC-HS256", macKey: octets("18", 18)})

for (const n of [0, 1, 16, 32, 64, 512])
  add(`mac-key-${n}`, `key_length ${n} is taken at its word`, {macKey: octets(`mac_key ${n}`, n)})
add("lifetime-0", "lifetime 0 is a number like others", {lifetime: 0})
add("lifetime-largest", "lifetime 2^32 - 1 does not overflow", {lifetime: 0xffffffff})
add("lifetime-sign-bit", "lifetime 2^31 is not negative", {lifetime: 0x80000000})
add("fraction-half", "fraction 32000 is half a second", {timestamp: stamp(1700000000, 32000)})
add("fraction-last", "fraction 63999 is the last one with a meaning", {timestamp: stamp(1700000000, 63999)})
add("fraction-64000", "fraction 64000 opens and is reported as it is",
    {timestamp: stamp(1700000000, 64000), deviation: "the unit is 1/64000 s, so 63999 is the largest fraction"})
add("fraction-65535", "fraction 65535 opens and is reported as it is",
    {timestamp: stamp(1700000000, 65535), deviation: "the unit is 1/64000 s, so 63999 is the largest fraction"})
add("timestamp-0", "the epoch itself", {timestamp: 0n})
add("timestamp-1-fraction", "one unit after the epoch", {timestamp: 1n})
add("timestamp-33-bits", "seconds past 2^32", {timestamp: stamp(2 ** 32 + 5, 7)})
add("timestamp-large", "the largest timestamp without the top bit", {timestamp: 2n ** 63n - 1n,
    deviation: "the unit is 1/64000 s, so 63999 is the largest fraction"})
add("name-empty", "an empty server name is associated data of no octets", {name: none})
add("name-utf8", "a server name is octets", {name: Buffer.from("türn.example.org")})
add("name-long", "a server name of 600 octets, and AL in bits beyond one octet",
    {algorithm: "A128CBC-HS256", name: Buffer.from("a".repeat(600))})
add("nonce-8", "a GCM nonce of 8 octets opens", {nonce: octets("nonce 8", 8), deviation: "RFC 5116 has 12 octets"})
add("nonce-16", "a GCM nonce of 16 octets opens", {nonce: octets("nonce 16", 16), deviation: "RFC 5116 has 12 octets"})
add("extra-4", "octets behind lifetime are reported, not swallowed",
    {extra: Buffer.from("01020304", "hex"), deviation: "nothing stands behind lifetime in figure 4"})
add("extra-4-cbc", "the same in CBC mode", {algorithm: "A256CBC-HS512", extra: Buffer.from("01020304", "hex"),
    deviation: "nothing stands behind lifetime in figure 4"})

const bad = (name, shows, error, offset, changes) => add(name, shows, {...changes, error, offset})
const tagAt = 2 + 12 + 34, cbcTagAt = 2 + 48
bad("tag-bit", "one bit of the tag is altered", "not-authentic", tagAt, {token: t => flip(t, -1)})
bad("ciphertext-bit", "one bit of the ciphertext is altered", "not-authentic", tagAt, {token: t => flip(t, 20)})
bad("nonce-bit", "one bit of the nonce is altered", "not-authentic", tagAt, {token: t => flip(t, 5)})
bad("tag-zero", "a tag of zeros", "not-authentic", tagAt,
    {token: t => Buffer.concat([t.subarray(0, -16), zero])})
bad("tag-first", "the tag stands before the ciphertext", "not-authentic", tagAt,
    {token: t => Buffer.concat([t.subarray(0, 14), t.subarray(-16), t.subarray(14, -16)])})
bad("other-name", "sealed for another server name", "not-authentic", tagAt,
  {sealedFor: Buffer.from("turn2.example.org")})
bad("name-and-nul", "sealed for the name with a NUL behind it", "not-authentic", tagAt,
    {sealedFor: Buffer.from("turn1.example.org\0")})
bad("name-upper-case", "sealed for the name in capitals", "not-authentic", tagAt,
    {sealedFor: Buffer.from("TURN1.EXAMPLE.ORG")})
bad("no-name", "sealed without associated data", "not-authentic", tagAt, {sealedFor: none})
bad("other-key", "sealed with another K", "not-authentic", tagAt, {sealedWith: octets("another key", 32)})
bad("octet-behind", "one octet stands behind the tag", "not-authentic", tagAt + 1,
    {token: t => Buffer.concat([t, Buffer.alloc(1)])})
bad("octet-lost", "the last octet is lost", "not-authentic", tagAt - 1, {token: t => t.subarray(0, -1)})
bad("empty", "no octets at all", "truncated", 0, {token: () => none})
bad("one-octet", "half of nonce_length", "truncated", 0, {token: t => t.subarray(0, 1)})
bad("nonce-length-only", "nonce_length and no nonce", "truncated", 0, {token: t => t.subarray(0, 2)})
bad("nonce-cut", "the nonce ends early", "truncated", 0, {token: t => t.subarray(0, 13)})
bad("no-body", "nothing behind the nonce", "truncated", 14, {token: t => t.subarray(0, 14)})
bad("tag-cut", "less than a tag behind the nonce", "truncated", 14, {token: t => t.subarray(0, 29)})
bad("tag-only", "a tag and no ciphertext", "not-authentic", 14, {token: t => t.subarray(0, 30)})
bad("nonce-length-beyond", "nonce_length runs one octet past the value", "truncated", 0, {nonceLength: 63})
bad("nonce-length-largest", "nonce_length 65535", "truncated", 0, {nonceLength: 65535})
bad("nonce-length-little-endian", "nonce_length 12 in the other byte order", "truncated", 0, {nonceLength: 0x0c00})
bad("nonce-length-zero", "nonce_length 0, which GCM cannot have", "malformed", 0, {nonceLength: 0})
bad("nonce-length-short", "nonce_length says 11, the nonce has 12", "not-authentic", tagAt, {nonceLength: 11})
bad("base64-text", "the base64 text of the token in place of the token", "truncated", 0,
    {token: t => Buffer.from(t.toString("base64"))})
bad("key-length-beyond", "key_length runs one octet past the block", "truncated", 14, {keyLength: 33})
bad("key-length-into-lifetime", "key_length leaves 11 octets for timestamp and lifetime", "truncated", 14 + 23,
    {keyLength: 21})
bad("key-length-largest", "key_length 65535", "truncated", 14, {keyLength: 65535})
bad("key-length-little-endian", "key_length 20 in the other byte order", "truncated", 14, {keyLength: 0x1400})
bad("block-empty", "an authentic block of no octets", "truncated", 14, {plain: none})
bad("block-one-octet", "an authentic block of one octet", "truncated", 14, {plain: Buffer.from([0])})
bad("block-without-lifetime", "an authentic block that ends behind the timestamp", "truncated", 14 + 22,
    {plain: Buffer.concat([u16(20), octets("m", 20), u64(stamp(1700000000, 0))])})

const a = "A128CBC-HS256"
bad("cbc-tag-bit", "one bit of T is altered", "not-authentic", cbcTagAt, {algorithm: a, token: t => flip(t, -1)})
bad("cbc-ciphertext-bit", "one bit of S is altered", "not-authentic", cbcTagAt, {algorithm: a, token: t => flip(t, 2)})
bad("cbc-other-name", "sealed for another server name", "not-authentic", cbcTagAt,
    {algorithm: a, sealedFor: Buffer.from("turn2.example.org")})
bad("cbc-halves-swapped", "AS-RS and AUTH taken from the wrong ends of K", "not-authentic", cbcTagAt,
    {
      algorithm: a,
      sealedWith: Buffer.concat([octets(`key ${a}`, 32).subarray(16), octets(`key ${a}`, 32).subarray(0, 16)]),
    })
bad("cbc-al-octets", "AL counts octets", "not-authentic", cbcTagAt, {algorithm: a, al: u64(17n)})
bad("cbc-al-little-endian", "AL in the other byte order", "not-authentic", cbcTagAt,
    {algorithm: a, al: u64(17n * 8n).reverse()})
bad("cbc-zero-padding", "an authentic S padded with zeros", "malformed", cbcTagAt - 16,
    {algorithm: a, padding: Buffer.alloc(14)})
bad("cbc-octet-behind", "one octet stands behind T", "malformed", 2,
    {algorithm: a, token: t => Buffer.concat([t, Buffer.alloc(1)])})
bad("cbc-block-behind", "16 octets stand behind T", "not-authentic", cbcTagAt + 16,
    {algorithm: a, token: t => Buffer.concat([t, zero])})
bad("cbc-no-ciphertext", "T and no S", "malformed", 2,
  {algorithm: a, token: t => Buffer.concat([t.subarray(0, 2), t.subarray(-16)])})
bad("cbc-octet-lost", "the last octet is lost", "malformed", 2, {algorithm: a, token: t => t.subarray(0, -1)})
bad("cbc-nonce-12", "a nonce of 12 octets, which CBC has no use for", "malformed", 0,
    {algorithm: a, nonceInF1: octets("12", 12)})
bad("cbc-f3-vector-bit", "one bit of the vector of form F3 is altered", "not-authentic", 18 + 48,
    {algorithm: a, form: "F3", token: t => flip(t, 2)})
bad("cbc-key-length-beyond", "key_length runs past the block", "truncated", 2, {algorithm: a, keyLength: 34})

// JSON.stringify has no 64-bit integers, and a row a line reads best.
const text = rows => rows.map(row => "    " + JSON.stringify(row, (_, v) => typeof v === "bigint" ? `@${v}@` : v)
  .replace(/"@(\d+)@"/g, "$1")).join(",\n")
const source = "Made by scripts/vectors/make-tokens.mjs with the crypto of Node.js, after RFC 7635 section 6.2 and " +
  "RFC 7518 section 5.2. valid: the token opens to the fields stated. error: the kind of failure otherwise, with the " +
  "offset in the token. deviation: it opens, but an issuer must not make it so. key, token, nonce, mac_key and extra " +
  "are base64."
console.log(`{\n  "source": ${JSON.stringify(source)},\n  "vectors": [\n${text(vectors)}\n  ]\n}`)
