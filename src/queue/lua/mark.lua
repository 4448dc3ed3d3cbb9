-- mark: says, before a send, up to which position events may be stored from now on; renews the lease.
--
-- KEYS[1] lease
-- ARGV[1] owner   ARGV[2] token   ARGV[3] duration of the lease, ms
-- ARGV[4] position behind the last event of the send, counted since the list began (0 renews only)
--
-- Returns {1, sent}, or {0} when the lease is not the caller's any more.
--
-- Atomic and before the send, so that a successor knows exactly which events it must look for in the stream.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token', 'sent')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end

local sent = math.max(tonumber(lease[3] or 0), tonumber(ARGV[4]))
redis.call(
  'HSET', KEYS[1],
  'expiry', string.format('%.0f', now + tonumber(ARGV[3])),
  'sent', string.format('%.0f', sent)
)
return { 1, sent }
