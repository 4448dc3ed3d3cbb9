-- resume: what earlier flushes of this list left behind for the next one.
--
-- KEYS[1] lease
-- ARGV[1] owner   ARGV[2] token   ARGV[3] duration of the lease, ms   ARGV[4] name of the log stream
--
-- Returns {1, consecutive failures, ms until the breaker lets a call pass, time from which events may be stored late (ms)
-- or 0}, or {0} when the lease is not the caller's any more.
--
-- Atomic, so that all of it belongs to the holder of the lease. The breaker is that of one log stream: failures of
-- another one, before the settings were changed, say nothing. Redis' own clock decides, so that workers agree.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call(
  'HMGET', KEYS[1], 'owner', 'token', 'base', 'lateTo', 'lateSince', 'breaker', 'failures', 'openUntil'
)
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end
redis.call('HSET', KEYS[1], 'expiry', string.format('%.0f', now + tonumber(ARGV[3])))

local failures, open, late = 0, 0, 0
if lease[6] == ARGV[4] then
  failures = tonumber(lease[7] or 0)
  open = math.max(0, tonumber(lease[8] or 0) - now)
end
if tonumber(lease[4] or 0) > tonumber(lease[3] or 0) then
  late = tonumber(lease[5] or 0)
end
return { 1, failures, open, late }
