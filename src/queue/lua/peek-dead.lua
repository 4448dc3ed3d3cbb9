-- peek-dead: reads the next dead letters, each with the SHA-1 that `take-dead` knows it again by.
--
-- KEYS[1] dead
-- ARGV[1] index of the first   ARGV[2] most letters   ARGV[3] most bytes
--
-- Returns {length of the list, letter, SHA-1, letter, SHA-1, …}; always at least one letter when there is one at the
-- index, however large.
--
-- A script, because only Redis can bound a reply by its bytes, and because a letter need not be valid UTF-8: its SHA-1
-- must be taken of what is stored, not of what a client made of it.
local first, most, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local reply, count, bytes = { redis.call('LLEN', KEYS[1]) }, 0, 0
while count < most do
  local slice = redis.call('LRANGE', KEYS[1], first + count, first + math.min(count + 32, most) - 1)
  if #slice == 0 then
    return reply
  end
  for i = 1, #slice do
    bytes = bytes + #slice[i]
    if count > 0 and bytes > limit then
      return reply
    end
    count = count + 1
    reply[#reply + 1] = slice[i]
    reply[#reply + 1] = redis.sha1hex(slice[i])
  end
end
return reply
