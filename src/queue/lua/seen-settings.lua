-- seen-settings: notes which settings are in use, and puts an event on the list when they are others than before.
--
-- KEYS[1] settings seen last   KEYS[2] pending
-- ARGV[1] what the caller read there ('' for nothing)   ARGV[2] the settings now   ARGV[3] the event ('' for none)
--
-- Returns 1, or 0 when another process has noted its settings since they were read: read again.
--
-- Atomic, so that of many processes that start at once exactly one tells, and none tells without noting.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
if ARGV[3] ~= '' then
  redis.call('RPUSH', KEYS[2], ARGV[3])
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
