-- unmark: takes back what mark said, for events that surely were not stored: the call was never made, or CloudWatch
-- answered that it took none of them. The next flush need not look for them in the stream.
--
-- KEYS[1] lease
-- ARGV[1] owner   ARGV[2] token   ARGV[3] duration of the lease, ms
-- ARGV[4] up to which position events were marked, as the caller knows it
-- ARGV[5] up to which position events may be stored in truth
--
-- Returns {1, sent}, or {0} when the lease is not the caller's any more.
--
-- Atomic, and only if nothing further was marked since: an event that may be stored must not be sent unseen.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token', 'base', 'sent')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end

local sent = tonumber(lease[4] or 0)
if sent == tonumber(ARGV[4]) then
  sent = math.min(sent, math.max(tonumber(lease[3] or 0), tonumber(ARGV[5])))
end
redis.call(
  'HSET', KEYS[1],
  'expiry', string.format('%.0f', now + tonumber(ARGV[3])),
  'sent', string.format('%.0f', sent)
)
return { 1, sent }
