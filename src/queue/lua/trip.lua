-- trip: counts a call that CloudWatch did not take; opens the breaker when there were enough of them in a row, or when
-- CloudWatch itself named a time.
--
-- KEYS[1] lease
-- ARGV[1] owner   ARGV[2] token   ARGV[3] duration of the lease, ms
-- ARGV[4] name of the log stream  ARGV[5] failures in a row that open it
-- ARGV[6] pause if it opens, ms   ARGV[7] pause that CloudWatch asked for, ms (0: none)
--
-- Returns {1, consecutive failures, ms until the breaker lets a call pass}, or {0} when the lease is not the caller's
-- any more.
--
-- Atomic and in Redis, so that a worker that is restarted goes on where the last one stopped, instead of beginning
-- again with quick attempts at each start.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token', 'breaker', 'failures', 'openUntil')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end

local failures, until_ = 1, 0
if lease[3] == ARGV[4] then
  failures = tonumber(lease[4] or 0) + 1
  until_ = tonumber(lease[5] or 0)
end
if failures >= tonumber(ARGV[5]) then
  until_ = math.max(until_, now + tonumber(ARGV[6]))
end
if tonumber(ARGV[7]) > 0 then
  until_ = math.max(until_, now + tonumber(ARGV[7]))
end
redis.call(
  'HSET', KEYS[1],
  'expiry', string.format('%.0f', now + tonumber(ARGV[3])),
  'breaker', ARGV[4],
  'failures', failures,
  'openUntil', string.format('%.0f', until_)
)
return { 1, failures, math.max(0, until_ - now) }
