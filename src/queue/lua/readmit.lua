-- readmit: puts deferred events whose time has come back on the pending list.
--
-- KEYS[1] lease   KEYS[2] pending   KEYS[3] deferred   KEYS[4] stats
-- ARGV[1] owner   ARGV[2] token     ARGV[3] duration of the lease, ms   ARGV[4] most events
--
-- Returns {1, number moved}, or {0} when the lease is not the caller's any more.
--
-- Atomic, because an event must be in exactly one place at every moment.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end
redis.call('HSET', KEYS[1], 'expiry', string.format('%.0f', now + tonumber(ARGV[3])))

local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now), 'LIMIT', 0, tonumber(ARGV[4]))
for i = 1, #due do
  local line = string.find(due[i], '\n', 1, true)
  redis.call('RPUSH', KEYS[2], string.sub(due[i], line + 1))
  redis.call('ZREM', KEYS[3], due[i])
end
if #due > 0 then
  redis.call('HINCRBY', KEYS[4], 'readmitted', #due)
end
return { 1, #due }
