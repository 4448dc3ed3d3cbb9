-- peek: reads the next events without taking them off the list, and renews the lease.
--
-- KEYS[1] lease   KEYS[2] pending
-- ARGV[1] owner   ARGV[2] token   ARGV[3] duration of the lease, ms
-- ARGV[4] position of the first, counted since the list began   ARGV[5] most events   ARGV[6] most bytes   ARGV[7] bytes added per event
--
-- Returns {1, base, length of the list, {bytes of each event, …}, {events, one behind the other, in pieces}}, or {0} when the lease is not the caller's any more.
-- Always at least one event when there is one at the position, however large.
--
-- Atomic, so that base belongs to the very list that was read. Reads in slices that begin with one element and grow: one
-- LRANGE of the greatest count would copy 10,000 large events only to throw most of them away, and a list of events of
-- 50 MB would exhaust Redis. At most 15 elements are copied in vain. Each slice is one
-- piece of the reply, because thousands of texts cost the reader more than their bytes do; and all in one piece would
-- cost Redis more than that.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token', 'base')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end
redis.call('HSET', KEYS[1], 'expiry', string.format('%.0f', now + tonumber(ARGV[3])))

local base = tonumber(lease[3] or 0)
local offset, most, limit, extra = tonumber(ARGV[4]) - base, tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local lengths, pieces, bytes, full, step = {}, {}, 0, false, 1
-- What has left the list cannot be read; a negative offset would be one from its end.
while offset >= 0 and not full and #lengths < most do
  local first = offset + #lengths
  local s = redis.call('LRANGE', KEYS[2], first, first + math.min(step, most - #lengths) - 1)
  step = math.min(step * 2, 16)
  local n = 0
  while n < #s and not full do
    local length = #s[n + 1]
    bytes = bytes + length + extra
    full = bytes > limit
    if full and #lengths > 0 then
      break
    end
    n = n + 1
    lengths[#lengths + 1] = length
  end
  if n == 0 then
    break
  elseif n == 1 then
    -- A giant is not copied once more.
    pieces[#pieces + 1] = s[1]
  elseif n == 16 then
    -- In one step; table.concat takes several.
    pieces[#pieces + 1] = s[1] .. s[2] .. s[3] .. s[4] .. s[5] .. s[6] .. s[7] .. s[8]
      .. s[9] .. s[10] .. s[11] .. s[12] .. s[13] .. s[14] .. s[15] .. s[16]
  else
    pieces[#pieces + 1] = table.concat(s, '', 1, n)
  end
end
return { 1, base, redis.call('LLEN', KEYS[2]), lengths, pieces }
