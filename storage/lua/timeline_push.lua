-- Adds one post to timelines that are held; those that are not are rebuilt when they are read.
-- KEYS: timelines. ARGV: score, member, how many posts a timeline keeps.
-- Returns how many took it. Rank 0 is the mark of a timeline's making, which stays.
local taken = 0
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    taken = taken + redis.call('ZADD', key, ARGV[1], ARGV[2])
    redis.call('ZREMRANGEBYRANK', key, 1, -(tonumber(ARGV[3]) + 1))
  end
end
return taken
