-- SPDX-License-Identifier: BSD-3-Clause
--
-- The ciphers and hashes of access tokens in plain Lua, for assay-token.lua beside it: it knows octets and keys, and
-- nothing of tokens or of Wireshark.
--
-- Wireshark's Lua is 5.2 up to 4.2 (bit32, no integers) and 5.4 since, and it lends Lua no ciphers before 4.2, so AES,
-- GHASH and SHA-2 are here in a Lua that both take. They are for looking at captures: their time depends on the keys.

local bits = bit32 or load [[
  return {
    band = function(a, b) return a & b end,
    bnot = function(a) return ~a & 0xffffffff end,
    bor = function(a, b) return a | b end,
    bxor = function(a, b, c, d, e) return a ~ b ~ (c or 0) ~ (d or 0) ~ (e or 0) end,
    lshift = function(a, n) return a << n & 0xffffffff end,
    rshift = function(a, n) return a >> n end,
    rrotate = function(a, n) return (a >> n | a << 32 - n) & 0xffffffff end,
  }]]()
local band, bnot, bor, bxor = bits.band, bits.bnot, bits.bor, bits.bxor
local lshift, rshift, rrotate = bits.lshift, bits.rshift, bits.rrotate
local all = table.unpack or unpack
local WORD = 0x100000000

-- Numbers of `size` octets, big-endian. A 64-bit number is two of them: 5.2 holds 53 bits.
local function number(text, at, size)
  local value = 0
  for i = at, at + size - 1 do value = value * 256 + text:byte(i) end
  return value
end

local function word(value)
  return string.char(rshift(value, 24), band(rshift(value, 16), 255), band(rshift(value, 8), 255), band(value, 255))
end

local function words(text)
  local list = {}
  for i = 1, #text, 4 do list[#list + 1] = number(text, i, 4) end
  return list
end

local function xor(a, b)
  local list = {}
  for i = 1, #a do list[i] = string.char(bxor(a:byte(i), b:byte(i))) end
  return table.concat(list)
end

---------------------------------------------------------------------------------------------------- AES (FIPS 197)

local sbox, inverse, double = {}, {}, {}
for i = 0, 255 do double[i] = bxor(i * 2 % 256, i > 127 and 0x1b or 0) end
do
  local p, q = 1, 1 -- 3^n and 3^-n
  repeat
    p = bxor(p, double[p])
    for _, n in ipairs { 1, 2, 4 } do q = band(bxor(q, lshift(q, n)), 255) end
    if q > 127 then q = bxor(q, 9) end
    local rotated = q * 257
    local sum = bxor(q, rshift(rotated, 7), rshift(rotated, 6), rshift(rotated, 5), rshift(rotated, 4))
    sbox[p] = bxor(99, band(sum, 255))
  until p == 1
  sbox[0] = 99
  for i = 0, 255 do inverse[sbox[i]] = i end
end

local function substitute(value)
  return sbox[rshift(value, 24)] * 0x1000000 + sbox[band(rshift(value, 16), 255)] * 0x10000
    + sbox[band(rshift(value, 8), 255)] * 0x100 + sbox[band(value, 255)]
end

-- Columns of MixColumns, forth and back, by the value in the first row.
local forth, back = {}, {}
for i = 0, 255 do
  local s = sbox[i]
  local s2 = double[s]
  forth[i] = s2 * 0x1000000 + s * 0x10100 + bxor(s, s2)
  local two = double[i]
  local four = double[two]
  local eight = double[four]
  back[i] = bxor(eight, four, two) * 0x1000000 + bxor(eight, i) * 0x10000 + bxor(eight, four, i) * 0x100
    + bxor(eight, two, i)
end

local function expand(key)
  local schedule = words(key)
  local size, constant = #schedule, 1
  for i = size, (size + 7) * 4 - 1 do
    local last = schedule[i]
    if i % size == 0 then
      last = bxor(substitute(rrotate(last, 24)), constant * 0x1000000)
      constant = double[constant]
    elseif size > 6 and i % size == 4 then
      last = substitute(last)
    end
    schedule[i + 1] = bxor(schedule[i - size + 1], last)
  end
  return schedule
end

local function encrypt(schedule, block)
  local a, b, c, d = bxor(number(block, 1, 4), schedule[1]), bxor(number(block, 5, 4), schedule[2]),
    bxor(number(block, 9, 4), schedule[3]), bxor(number(block, 13, 4), schedule[4])
  local function column(p, q, r, s, key)
    return bxor(forth[rshift(p, 24)], rrotate(forth[band(rshift(q, 16), 255)], 8),
      rrotate(forth[band(rshift(r, 8), 255)], 16), rrotate(forth[band(s, 255)], 24), key)
  end
  local function last(p, q, r, s, key)
    return word(bxor(sbox[rshift(p, 24)] * 0x1000000 + sbox[band(rshift(q, 16), 255)] * 0x10000
      + sbox[band(rshift(r, 8), 255)] * 0x100 + sbox[band(s, 255)], key))
  end
  local k = 5
  while k < #schedule - 3 do
    a, b, c, d = column(a, b, c, d, schedule[k]), column(b, c, d, a, schedule[k + 1]),
      column(c, d, a, b, schedule[k + 2]), column(d, a, b, c, schedule[k + 3])
    k = k + 4
  end
  return last(a, b, c, d, schedule[k]) .. last(b, c, d, a, schedule[k + 1]) .. last(c, d, a, b, schedule[k + 2])
    .. last(d, a, b, c, schedule[k + 3])
end

local function decrypt(schedule, block)
  local k = #schedule - 3
  local state = words(block)
  for i = 1, 4 do state[i] = bxor(state[i], schedule[k + i - 1]) end
  while k > 1 do
    k = k - 4
    local after = {}
    for i = 1, 4 do
      local p, q, r, s = rshift(state[i], 24), band(rshift(state[(i + 2) % 4 + 1], 16), 255),
        band(rshift(state[(i + 1) % 4 + 1], 8), 255), band(state[i % 4 + 1], 255)
      local key = schedule[k + i - 1]
      local value = bxor(inverse[p] * 0x1000000 + inverse[q] * 0x10000 + inverse[r] * 0x100 + inverse[s], key)
      if k > 1 then
        value = bxor(back[rshift(value, 24)], rrotate(back[band(rshift(value, 16), 255)], 8),
          rrotate(back[band(rshift(value, 8), 255)], 16), rrotate(back[band(value, 255)], 24))
      end
      after[i] = value
    end
    state = after
  end
  return word(state[1]) .. word(state[2]) .. word(state[3]) .. word(state[4])
end

-- Whole blocks in CBC (SP 800-38A), the padding still on them.
local function decrypt_cbc(key, vector, ciphertext)
  local schedule, list = expand(key), {}
  for at = 1, #ciphertext, 16 do
    local block = ciphertext:sub(at, at + 15)
    list[#list + 1] = xor(decrypt(schedule, block), vector)
    vector = block
  end
  return table.concat(list)
end

-------------------------------------------------------------------------------------------------- GCM (SP 800-38D)

local function by_x(a, b, c, d) -- one bit right, in GCM's order of bits
  return bxor(rshift(a, 1), band(d, 1) * 0xe1000000), bor(rshift(b, 1), lshift(band(a, 1), 31)),
    bor(rshift(c, 1), lshift(band(b, 1), 31)), bor(rshift(d, 1), lshift(band(c, 1), 31))
end

local remainder = {} -- what four bits that fall out come back as
for i = 0, 15 do
  local a, b, c, d = 0, 0, 0, i
  for _ = 1, 4 do a, b, c, d = by_x(a, b, c, d) end
  remainder[i] = a
end

local function multiples(h) -- of H by each four bits
  local list = { [0] = { 0, 0, 0, 0 }, [8] = words(h) }
  for _, i in ipairs { 4, 2, 1 } do list[i] = { by_x(all(list[i * 2])) } end
  for i = 1, 15 do
    local high = i >= 8 and 8 or i >= 4 and 4 or i >= 2 and 2 or 1
    if i > high then
      local sum = {}
      for j = 1, 4 do sum[j] = bxor(list[high][j], list[i - high][j]) end
      list[i] = sum
    end
  end
  return list
end

local function ghash(table_of_h, text) -- text is of whole blocks
  local sum = string.rep("\0", 16)
  for at = 1, #text, 16 do
    local block = xor(sum, text:sub(at, at + 15))
    local a, b, c, d = 0, 0, 0, 0
    for i = 16, 1, -1 do
      local octet = block:byte(i)
      for half = 1, 2 do
        local m = table_of_h[half == 1 and band(octet, 15) or rshift(octet, 4)]
        local out = remainder[band(d, 15)]
        d = bxor(bor(rshift(d, 4), lshift(band(c, 15), 28)), m[4])
        c = bxor(bor(rshift(c, 4), lshift(band(b, 15), 28)), m[3])
        b = bxor(bor(rshift(b, 4), lshift(band(a, 15), 28)), m[2])
        a = bxor(rshift(a, 4), out, m[1])
      end
    end
    sum = word(a) .. word(b) .. word(c) .. word(d)
  end
  return sum
end

local function whole_blocks(text) return text .. string.rep("\0", -#text % 16) end

-- As a number of 64 bits.
local function length_in_bits(octets)
  return word(math.floor(octets / 0x20000000)) .. word(octets % 0x20000000 * 8)
end

-- The plaintext, or nil where the tag does not fit. key: { octets = }, which keeps what is computed of it.
local function open_gcm(key, nonce, data, ciphertext, tag)
  if not key.schedule then
    key.schedule = expand(key.octets)
    key.multiples = multiples(encrypt(key.schedule, string.rep("\0", 16)))
  end
  local first = nonce .. "\0\0\0\1"
  if #nonce ~= 12 then
    first = ghash(key.multiples, whole_blocks(nonce) .. string.rep("\0", 8) .. length_in_bits(#nonce))
  end
  local sum = ghash(key.multiples, whole_blocks(data) .. whole_blocks(ciphertext) .. length_in_bits(#data)
    .. length_in_bits(#ciphertext))
  if xor(sum, encrypt(key.schedule, first)) ~= tag then return nil end
  local base, counter, list = first:sub(1, 12), number(first, 13, 4), {}
  for at = 1, #ciphertext, 16 do
    counter = (counter + 1) % WORD
    list[#list + 1] = xor(ciphertext:sub(at, at + 15), encrypt(key.schedule, base .. word(counter)))
  end
  return table.concat(list)
end

--------------------------------------------------------------------------------------- SHA-2 and HMAC (FIPS 180, 198)

local function words_of(hex)
  return words((hex:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end)))
end

-- SHA-512's; the upper halves of the first 64 are SHA-256's.
local constants = words_of(
  "428a2f98d728ae227137449123ef65cdb5c0fbcfec4d3b2fe9b5dba58189dbbc3956c25bf348b53859f111f1b605d019" ..
  "923f82a4af194f9bab1c5ed5da6d8118d807aa98a303024212835b0145706fbe243185be4ee4b28c550c7dc3d5ffb4e2" ..
  "72be5d74f27b896f80deb1fe3b1696b19bdc06a725c71235c19bf174cf692694e49b69c19ef14ad2efbe4786384f25e3" ..
  "0fc19dc68b8cd5b5240ca1cc77ac9c652de92c6f592b02754a7484aa6ea6e4835cb0a9dcbd41fbd476f988da831153b5" ..
  "983e5152ee66dfaba831c66d2db43210b00327c898fb213fbf597fc7beef0ee4c6e00bf33da88fc2d5a79147930aa725" ..
  "06ca6351e003826f142929670a0e6e7027b70a8546d22ffc2e1b21385c26c9264d2c6dfc5ac42aed53380d139d95b3df" ..
  "650a73548baf63de766a0abb3c77b2a881c2c92e47edaee692722c851482353ba2bfe8a14cf10364a81a664bbc423001" ..
  "c24b8b70d0f89791c76c51a30654be30d192e819d6ef5218d69906245565a910f40e35855771202a106aa07032bbd1b8" ..
  "19a4c116b8d2d0c81e376c085141ab532748774cdf8eeb9934b0bcb5e19b48a8391c0cb3c5c95a634ed8aa4ae3418acb" ..
  "5b9cca4f7763e373682e6ff3d6b2b8a3748f82ee5defb2fc78a5636f43172f6084c87814a1f0ab728cc702081a6439ec" ..
  "90befffa23631e28a4506cebde82bde9bef9a3f7b2c67915c67178f2e372532bca273eceea26619cd186b8c721c0c207" ..
  "eada7dd6cde0eb1ef57d4f7fee6ed17806f067aa72176fba0a637dc5a2c898a6113f9804bef90dae1b710b35131c471b" ..
  "28db77f523047d8432caab7b40c724933c9ebe0a15c9bebc431d67c49c100d4c4cc5d4becb3e42b6597f299cfc657e2a" ..
  "5fcb6fab3ad6faec6c44198c4a475817")
local start_512 = words_of("6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1"
  .. "510e527fade682d19b05688c2b3e6c1f1f83d9abfb41bd6b5be0cd19137e2179")
local start_384 = words_of("cbbb9d5dc1059ed8629a292a367cd5079159015a3070dd17152fecd8f70e5939"
  .. "67332667ffc00b318eb44a8768581511db0c2e0d64f98fa747b5481dbefa4fa4")
local start_256 = {}
for i = 1, 8 do start_256[i] = start_512[2 * i - 1] end

local function padded(text, block)
  local length = string.rep("\0", block / 8 - 8) .. length_in_bits(#text)
  return text .. "\128" .. string.rep("\0", -(#text + 1 + #length) % block) .. length
end

local function join(list)
  local parts = {}
  for i = 1, #list do parts[i] = word(list[i]) end
  return table.concat(parts)
end

local function sha256(text)
  local h = { all(start_256) }
  text = padded(text, 64)
  for at = 1, #text, 64 do
    local w = words(text:sub(at, at + 63))
    for i = 17, 64 do
      local x, y = w[i - 15], w[i - 2]
      w[i] = (w[i - 16] + bxor(rrotate(x, 7), rrotate(x, 18), rshift(x, 3)) + w[i - 7]
        + bxor(rrotate(y, 17), rrotate(y, 19), rshift(y, 10))) % WORD
    end
    local a, b, c, d, e, f, g, i = all(h)
    for round = 1, 64 do
      local one = i + bxor(rrotate(e, 6), rrotate(e, 11), rrotate(e, 25)) + bxor(band(e, f), band(bnot(e), g))
        + constants[2 * round - 1] + w[round]
      local two = bxor(rrotate(a, 2), rrotate(a, 13), rrotate(a, 22)) + bxor(band(a, b), band(a, c), band(b, c))
      a, b, c, d, e, f, g, i = (one + two) % WORD, a, b, c, (d + one) % WORD, e, f, g
    end
    for n, value in ipairs { a, b, c, d, e, f, g, i } do h[n] = (h[n] + value) % WORD end
  end
  return join(h)
end

-- 64-bit numbers are two words each here, the upper one first.
local function turn(high, low, n) -- right, by n
  if n >= 32 then high, low, n = low, high, n - 32 end
  if n == 0 then return high, low end
  return bor(rshift(high, n), lshift(low, 32 - n)), bor(rshift(low, n), lshift(high, 32 - n))
end

local function sigma(high, low, first, second, third, shift)
  local a, b = turn(high, low, first)
  local c, d = turn(high, low, second)
  if shift then
    return bxor(a, c, rshift(high, shift)), bxor(b, d, bor(rshift(low, shift), lshift(high, 32 - shift)))
  end
  local e, f = turn(high, low, third)
  return bxor(a, c, e), bxor(b, d, f)
end

local function carry(high, low) -- sums of words, made words again
  return (high + math.floor(low / WORD)) % WORD, low % WORD
end

local function sha512(text, from)
  local h = { all(from) }
  text = padded(text, 128)
  for at = 1, #text, 128 do
    local w = words(text:sub(at, at + 127))
    for i = 33, 160, 2 do
      local a, b = sigma(w[i - 30], w[i - 29], 1, 8, nil, 7)
      local c, d = sigma(w[i - 4], w[i - 3], 19, 61, nil, 6)
      w[i], w[i + 1] = carry(w[i - 32] + a + w[i - 14] + c, w[i - 31] + b + w[i - 13] + d)
    end
    local s = { all(h) } -- a to h, two words each
    for i = 1, 160, 2 do
      local p, q = sigma(s[9], s[10], 14, 18, 41)
      local one, one_low = carry(s[15] + p + bxor(band(s[9], s[11]), band(bnot(s[9]), s[13])) + constants[i] + w[i],
        s[16] + q + bxor(band(s[10], s[12]), band(bnot(s[10]), s[14])) + constants[i + 1] + w[i + 1])
      p, q = sigma(s[1], s[2], 28, 34, 39)
      local two = p + bxor(band(s[1], s[3]), band(s[1], s[5]), band(s[3], s[5]))
      local two_low = q + bxor(band(s[2], s[4]), band(s[2], s[6]), band(s[4], s[6]))
      for n = 16, 3, -1 do s[n] = s[n - 2] end
      s[9], s[10] = carry(s[9] + one, s[10] + one_low)
      s[1], s[2] = carry(one + two, one_low + two_low)
    end
    for n = 1, 16, 2 do h[n], h[n + 1] = carry(h[n] + s[n], h[n + 1] + s[n + 1]) end
  end
  return join(h)
end

-- Octets of the digest and of a block, and how it is made.
local hashes = {
  sha256 = { size = 32, block = 64, digest = sha256 },
  sha384 = { size = 48, block = 128, digest = function(text) return sha512(text, start_384):sub(1, 48) end },
  sha512 = { size = 64, block = 128, digest = function(text) return sha512(text, start_512) end },
}

-- hash: one of those above.
local function hmac(hash, key, text)
  if #key > hash.block then key = hash.digest(key) end
  key = key .. string.rep("\0", hash.block - #key)
  return hash.digest(xor(key, string.rep("\92", hash.block)) .. hash.digest(xor(key, string.rep("\54", hash.block))
    .. text))
end

return {
  open_gcm = open_gcm, decrypt_cbc = decrypt_cbc, hashes = hashes, hmac = hmac,
  number = number, length_in_bits = length_in_bits,
}
