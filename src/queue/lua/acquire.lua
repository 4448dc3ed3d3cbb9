-- acquire: takes the lease of one pending list for one owner.
--
-- KEYS[1] lease (hash: owner, expiry, token, base, sent)
-- ARGV[1] owner, a name no other worker uses
-- ARGV[2] duration of the lease, ms
--
-- Returns {1, token, base, sent}, or {0, ms until it expires, its owner} while another owner's lease lives.
--
-- Atomic, because two workers that both read "free" would both send the head of the list. Redis' own clock decides, so
-- that workers with different clocks agree. The token only grows and the hash has no TTL: an owner that slept through
-- its lease is told apart from its successor for ever.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'expiry', 'base', 'sent')
local owner, expiry = lease[1] or '', tonumber(lease[2] or 0)

if owner ~= '' and owner ~= ARGV[1] and expiry > now then
  return { 0, expiry - now, owner }
end

local token = redis.call('HINCRBY', KEYS[1], 'token', 1)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'expiry', string.format('%.0f', now + tonumber(ARGV[2])))
return { 1, token, tonumber(lease[3] or 0), tonumber(lease[4] or 0) }
