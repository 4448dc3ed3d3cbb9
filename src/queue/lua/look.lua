-- look: what a worker needs to know of one pending list to decide whether to flush it. Changes nothing.
--
-- KEYS[1] lease   KEYS[2] pending   KEYS[3] deferred   KEYS[4] stats
--
-- Returns {length, deferred events whose time has come, base, owner ('' when it was given back), ms until the lease
-- ends (not above 0 once it ran out), the round in which the list was last flushed}.
--
-- Atomic, so that the answer describes one moment; one call, because it is made every second for every list.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'expiry', 'base')
return {
  redis.call('LLEN', KEYS[2]),
  redis.call('ZCOUNT', KEYS[3], '-inf', string.format('%.0f', now)),
  tonumber(lease[3] or 0),
  lease[1] or '',
  tonumber(lease[2] or 0) - now,
  tonumber(redis.call('HGET', KEYS[4], 'round') or 0)
}
