-- How many sockets accounts have, by node. KEYS[i] is an account's hash: node -> 'count:ms until which that holds'.
-- ARGV: this node, how long its word holds in ms, then a count for each key. Returns for each key the other nodes' sum.
local node, holds = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local sums = {}
for i, key in ipairs(KEYS) do
    local count = tonumber(ARGV[2 + i])
    if count > 0 then
        redis.call('HSET', key, node, string.format('%d:%.0f', count, now + holds))
        redis.call('PEXPIRE', key, holds)
    else
        redis.call('HDEL', key, node)
    end
    sums[i] = 0
    local said = redis.call('HGETALL', key)
    for at = 1, #said, 2 do
        local theirs, till = string.match(said[at + 1], '^(%d+):(%d+)$')
        if tonumber(till) < now then
            redis.call('HDEL', key, said[at])
        elseif said[at] ~= node then
            sums[i] = sums[i] + tonumber(theirs)
            if tonumber(till) > now + holds then
                -- Written before the clock was put back: it holds as long as one that is written now.
                redis.call('HSET', key, said[at], string.format('%s:%.0f', theirs, now + holds))
            end
        end
    end
end
return sums
