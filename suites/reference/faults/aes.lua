-- SPDX-License-Identifier: BSD-3-Clause
--
-- AES-CBC decryption (FIPS 197, SP 800-38A) for the one fault that decrypts what it did not authenticate: the engine
-- has no call for that, on purpose. Slow and not constant in time, and so of no use for anything else.

local aes = {}

-- Multiplication in GF(2^8).
local function times(a, b)
  local product = 0
  while b > 0 do
    if b & 1 == 1 then product = product ~ a end
    a = a << 1
    if a > 0xFF then a = a ~ 0x11B end
    b = b >> 1
  end
  return product
end

local sbox, inverse_sbox = {}, {}
do
  local p, q = 1, 1 -- p runs through all values but 0, q is its inverse
  repeat
    p = times(p, 3)
    q = times(q, 0xF6)
    local value = 0x63
    for turn = 0, 4 do value = value ~ ((q << turn | q >> (8 - turn)) & 0xFF) end
    sbox[p], inverse_sbox[value] = value, p
  until p == 1
  sbox[0], inverse_sbox[0x63] = 0x63, 0
end

local by_9, by_11, by_13, by_14 = {}, {}, {}, {}
for value = 0, 255 do
  by_9[value], by_11[value] = times(value, 9), times(value, 11)
  by_13[value], by_14[value] = times(value, 13), times(value, 14)
end

-- The round keys as one list of octets, and the number of rounds.
local function expand(key)
  local octets, length, rounds = { key:byte(1, -1) }, #key, #key // 4 + 6
  local constant = 1
  for at = length, 16 * (rounds + 1) - 4, 4 do
    local word = { octets[at - 3], octets[at - 2], octets[at - 1], octets[at] }
    if at % length == 0 then
      word = { sbox[word[2]] ~ constant, sbox[word[3]], sbox[word[4]], sbox[word[1]] }
      constant = times(constant, 2)
    elseif length == 32 and at % 32 == 16 then
      for i = 1, 4 do word[i] = sbox[word[i]] end
    end
    for i = 1, 4 do octets[at + i] = octets[at + i - length] ~ word[i] end
  end
  return octets, rounds
end

local function decrypt_block(block, keys, rounds)
  local state = { block:byte(1, 16) }
  for i = 1, 16 do state[i] = state[i] ~ keys[16 * rounds + i] end
  for round = rounds - 1, 0, -1 do
    local shifted = {}
    for column = 0, 3 do
      for row = 0, 3 do
        local value = inverse_sbox[state[4 * ((column - row) % 4) + row + 1]]
        shifted[4 * column + row + 1] = value ~ keys[16 * round + 4 * column + row + 1]
      end
    end
    if round > 0 then
      for column = 1, 13, 4 do
        local a, b, c, d = table.unpack(shifted, column, column + 3)
        shifted[column] = by_14[a] ~ by_11[b] ~ by_13[c] ~ by_9[d]
        shifted[column + 1] = by_9[a] ~ by_14[b] ~ by_11[c] ~ by_13[d]
        shifted[column + 2] = by_13[a] ~ by_9[b] ~ by_14[c] ~ by_11[d]
        shifted[column + 3] = by_11[a] ~ by_13[b] ~ by_9[c] ~ by_14[d]
      end
    end
    state = shifted
  end
  return state
end

-- The plaintext of CBC with an IV of zeros, padding and all; nil when the length is wrong.
function aes.decrypt_blocks(key, ciphertext)
  if #ciphertext == 0 or #ciphertext % 16 ~= 0 then return nil end
  local keys, rounds = expand(key)
  local blocks, before = {}, ("\0"):rep(16)
  for at = 1, #ciphertext, 16 do
    local block = ciphertext:sub(at, at + 15)
    local state = decrypt_block(block, keys, rounds)
    for i = 1, 16 do state[i] = state[i] ~ before:byte(i) end
    blocks[#blocks + 1], before = string.char(table.unpack(state)), block
  end
  return table.concat(blocks)
end

-- The same with PKCS #7 padding taken off; nil also when that is wrong.
function aes.decrypt_cbc(key, ciphertext)
  local plaintext = aes.decrypt_blocks(key, ciphertext)
  if not plaintext then return nil end
  local padding = plaintext:byte(-1)
  if padding < 1 or padding > 16 then return nil end
  return plaintext:sub(1, -padding - 1)
end

return aes
