-- stamp: says, before such a send, that events up to a position may be stored late: with the time of sending as their
-- timestamp, because CloudWatch does not take their own any more.
--
-- KEYS[1] lease
-- ARGV[1] owner   ARGV[2] token   ARGV[3] duration of the lease, ms
-- ARGV[4] position behind the last event of the batch
-- ARGV[5] the earliest timestamp they may have, ms
--
-- Returns {1, the earliest timestamp of all that are not settled}, or {0} when the lease is not the caller's any more.
--
-- Atomic and before the send, so that a successor looks for them there too, and not only at the time of the event.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token', 'base', 'lateTo', 'lateSince')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end

local to, since = tonumber(ARGV[4]), tonumber(ARGV[5])
-- What earlier stamps were for has left the list once the head is past their position.
if tonumber(lease[4] or 0) > tonumber(lease[3] or 0) then
  to = math.max(to, tonumber(lease[4]))
  since = math.min(since, tonumber(lease[5] or since))
end
redis.call(
  'HSET', KEYS[1],
  'expiry', string.format('%.0f', now + tonumber(ARGV[3])),
  'lateTo', string.format('%.0f', to),
  'lateSince', string.format('%.0f', since)
)
return { 1, since }
