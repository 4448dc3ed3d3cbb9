-- take-dead: takes chosen dead letters off their list: back to the pending list as they were before, or away for good.
--
-- KEYS[1] pending   KEYS[2] dead   KEYS[3] stats
-- ARGV[1] 'replayed' or 'purged'
-- ARGV[2…] pairs by rising index: index of a letter, its SHA-1
--
-- Returns the number taken, or -1 when one of them is not where it was: another command was faster, nothing was changed.
--
-- Atomic, because an event must be in exactly one place at every moment; and what was judged by the filters must be
-- what is taken. Ids are kept, so that whoever reads the stream can tell a repetition.
if #ARGV == 1 then
  return 0
end
-- One walk along the list and not one for each letter: it may hold a million of them.
local first = tonumber(ARGV[2])
local slice = redis.call('LRANGE', KEYS[2], first, ARGV[#ARGV - 1])
local letters = {}
for i = 2, #ARGV, 2 do
  local letter = slice[tonumber(ARGV[i]) - first + 1]
  if not letter or redis.sha1hex(letter) ~= ARGV[i + 1] then
    return -1
  end
  letters[#letters + 1] = letter
end

if ARGV[1] == 'purged' then
  -- A Redis that is full refuses LSET, unless the script has written before: a purge must make room above all then.
  redis.call('HDEL', KEYS[3], 'room')
else
  -- Here the push comes first, and is refused before anything was changed.
  for i = 1, #letters do
    redis.call('RPUSH', KEYS[1], string.sub(letters[i], (string.find(letters[i], '\n', 1, true) or 0) + 1))
  end
end
-- No letter looks like the mark: each begins with the brace of its header, or was never one of ours and is no NUL.
local mark = '\0taken'
for i = 2, #ARGV, 2 do
  redis.call('LSET', KEYS[2], ARGV[i], mark)
end
-- From the end that is nearer.
local far = first > redis.call('LLEN', KEYS[2]) / 2
redis.call('LREM', KEYS[2], far and -#letters or #letters, mark)
redis.call('HINCRBY', KEYS[3], ARGV[1], #letters)
return #letters
