-- settle: acts on the known outcome of the first n events: they leave the list, the dead and the deferred ones to
-- where they belong; the books are kept and the lease is renewed in the same step.
--
-- KEYS[1] lease   KEYS[2] pending   KEYS[3] deferred   KEYS[4] dead   KEYS[5] stats
-- ARGV[1] owner   ARGV[2] token     ARGV[3] duration of the lease, ms
-- ARGV[4] base: the position of the head that the outcome was found for
-- ARGV[5] n       ARGV[6] 1 when a batch is complete with this step
-- ARGV[7…] triples: index from the head (from 0), 'dead' or 'deferred', and the dead letter's header (one JSON line)
--          or the time it is due (ms)
--
-- Returns {1, base} once done, {2, base} when it was done before (a repeated call after a lost reply), {0} when the
-- lease is not the caller's any more.
--
-- Atomic, because an event must be in exactly one place at every moment. The element itself is never sent back by the
-- worker: what is moved is byte for byte what was on the list.
-- A Redis that is full refuses HSET, unless the script has written before: a worker makes room, and must not be kept out.
redis.call('HDEL', KEYS[1], 'room')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token', 'base', 'sent')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return { 0 }
end
local base, n = tonumber(lease[3] or 0), tonumber(ARGV[5])
if base ~= tonumber(ARGV[4]) then
  return { 2, base }
end

local dead, deferred = 0, 0
for i = 7, #ARGV, 3 do
  local index = tonumber(ARGV[i])
  local event = redis.call('LINDEX', KEYS[2], index)
  if event and ARGV[i + 1] == 'dead' then
    dead = dead + 1
    redis.call('RPUSH', KEYS[4], ARGV[i + 2] .. '\n' .. event)
  elseif event then
    deferred = deferred + 1
    -- The position makes the member unique: equal lines of another producer must not become one.
    redis.call('ZADD', KEYS[3], ARGV[i + 2], string.format('%.0f', base + index) .. '\n' .. event)
  end
end

redis.call('LTRIM', KEYS[2], n, -1)
redis.call(
  'HSET', KEYS[1],
  'expiry', string.format('%.0f', now + tonumber(ARGV[3])),
  'base', string.format('%.0f', base + n),
  'sent', string.format('%.0f', math.max(tonumber(lease[4] or 0), base + n))
)
redis.call('HINCRBY', KEYS[5], 'stored', n - dead - deferred)
redis.call('HINCRBY', KEYS[5], 'dead', dead)
redis.call('HINCRBY', KEYS[5], 'deferred', deferred)
redis.call('HINCRBY', KEYS[5], 'batches', tonumber(ARGV[6]))
return { 1, base + n }
