-- What people have spent, of all nodes together. KEYS[i] holds the time at which that bucket is full again, in µs of
-- the server's clock. ARGV, three for each key, in µs: what was spent (less than 0: given back), since how long ago,
-- and how far ahead the time may lie. Returns for each key how long it is until the bucket is full again.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local levels = {}
for i, key in ipairs(KEYS) do
    local cost, age, deepest = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
    local before = tonumber(redis.call('GET', key) or 0)
    if before > now + deepest then
        before = 0 -- written before the clock was put back
    end
    local full_at = math.max(before, now - age) + cost
    local level = math.min(full_at - now, deepest)
    if level > 0 then
        redis.call('SET', key, string.format('%.0f', now + level), 'PX', math.ceil(level / 1000) + 1)
        levels[i] = math.ceil(level)
    else
        redis.call('DEL', key)
        levels[i] = 0
    end
end
return levels
