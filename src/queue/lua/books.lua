-- books: what is on one pending list and around it, and what was done since it began. Changes nothing.
--
-- KEYS[1] pending   KEYS[2] lease   KEYS[3] deferred   KEYS[4] dead   KEYS[5] stats
--
-- Returns {pending, base, sent, deferred, dead, beginning of the oldest element, last flush (JSON), stored, purged,
-- time of the last flush that ended well (ms)}; '' for what there is not.
--
-- Atomic, so that an event on its way is counted in exactly one place. A script and not MULTI, which a Redis that is
-- full refuses even for reading: that is when people look.
local lease = redis.call('HMGET', KEYS[2], 'base', 'sent')
local stats = redis.call('HMGET', KEYS[5], 'lastFlush', 'stored', 'purged', 'lastOk')
return {
  redis.call('LLEN', KEYS[1]),
  lease[1] or '',
  lease[2] or '',
  redis.call('ZCARD', KEYS[3]),
  redis.call('LLEN', KEYS[4]),
  -- The date is among the first fields, and the element may be larger than anything one wants to look at.
  string.sub(redis.call('LINDEX', KEYS[1], 0) or '', 1, 4096),
  stats[1] or '',
  stats[2] or '',
  stats[3] or '',
  stats[4] or ''
}
