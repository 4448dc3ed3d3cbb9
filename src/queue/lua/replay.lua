-- replay: puts the oldest dead letters back on the pending list, as they were before.
--
-- KEYS[1] pending   KEYS[2] dead
-- ARGV[1] most letters
--
-- Returns the number moved. Ids are kept, so that whoever reads the stream can tell a repetition.
--
-- Atomic, because an event must be in exactly one place at every moment.
local moved = 0
while moved < tonumber(ARGV[1]) do
  local letter = redis.call('LPOP', KEYS[2])
  if not letter then
    break
  end
  redis.call('RPUSH', KEYS[1], string.sub(letter, string.find(letter, '\n', 1, true) + 1))
  moved = moved + 1
end
return moved
