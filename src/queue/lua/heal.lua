-- heal: CloudWatch answers again: the breaker is closed, and failures are counted from the beginning.
--
-- KEYS[1] lease
-- ARGV[1] owner   ARGV[2] token   ARGV[3] duration of the lease, ms
--
-- Returns {1}, or {0} when the lease is not the caller's any more.
--
-- Atomic, because a worker that lost its lease must not close the breaker of its successor.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end
redis.call('HSET', KEYS[1], 'expiry', string.format('%.0f', now + tonumber(ARGV[3])))
redis.call('HDEL', KEYS[1], 'breaker', 'failures', 'openUntil')
return { 1 }
