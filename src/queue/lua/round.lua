-- round: begins a round: from now on every list is due once.
--
-- KEYS[1] round (hash: at, failed)
-- ARGV[1] the round that the caller knew, or '' to begin one in any case (the schedule)
--
-- Returns when the current round began: now, or before when another worker was faster.
--
-- Atomic, because every worker sees the same backlog at the same time, and one round is enough. A round is later than
-- the one before even when Redis' clock is not.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = tonumber(redis.call('HGET', KEYS[1], 'at') or 0)
if ARGV[1] ~= '' and at ~= tonumber(ARGV[1]) then
  return at
end
at = math.max(now, at + 1)
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', at))
return at
