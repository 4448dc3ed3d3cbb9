-- attend: says that a worker lives, and tells it which others do and which round it is.
--
-- KEYS[1] workers (sorted set: worker, by the time at which it is given up)   KEYS[2] round (hash: at, failed)
-- ARGV[1] worker   ARGV[2] ms until it is given up; 0 takes it off the list
--
-- Returns {now, when the current round began, the round in which a flush failed, {worker, …}}; times by Redis' clock.
--
-- Atomic, so that whoever is on the list lives by one clock.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- First, because a Redis that is full refuses ZADD, unless the script has written before.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if tonumber(ARGV[2]) > 0 then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
local round = redis.call('HMGET', KEYS[2], 'at', 'failed')
return { now, tonumber(round[1] or 0), tonumber(round[2] or 0), redis.call('ZRANGE', KEYS[1], 0, -1) }
