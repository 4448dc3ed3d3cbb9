-- release: gives the lease back, so that the next worker need not wait for its end.
--
-- KEYS[1] lease
-- ARGV[1] owner   ARGV[2] token
--
-- Returns {1}, or {0} when the lease is not the caller's any more.
--
-- Atomic, because a late release must not end the lease of a successor.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end
redis.call('HSET', KEYS[1], 'owner', '', 'expiry', 0)
return { 1 }
