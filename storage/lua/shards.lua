-- Gives shards to nodes, where that is right: a shard may be given by its holder, and by anyone if it has none that
-- lives; only to a node that lives. Answers the winners, whoever they are.
--
-- KEYS: cluster, members, seen, shards, as the heartbeat keeps them.
-- ARGV: the caller as name@incarnation, silent after ms, then pairs: shard, to whom.
-- Answers {version, {shard, holder, ...}}; a shard that nobody holds is left out.
local cluster, members, seen, shards = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local caller, silent = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local known = {}
local function lives(holder)
    if known[holder] == nil then
        local name, incarnation = string.sub(holder, 1, -18), string.sub(holder, -16)
        local record = redis.call('HGET', members, name)
        local at = redis.call('ZSCORE', seen, name)
        known[holder] = record and at and string.sub(record, 1, 16) == incarnation and now - tonumber(at) <= silent
            or false
    end
    return known[holder]
end

local winners, changed = {}, false
for i = 3, #ARGV, 2 do
    local shard, to = ARGV[i], ARGV[i + 1]
    local holder = redis.call('HGET', shards, shard)
    if holder ~= to and lives(to) and (not holder or holder == caller or not lives(holder)) then
        redis.call('HSET', shards, shard, to)
        holder, changed = to, true
    end
    if holder then
        winners[#winners + 1] = shard
        winners[#winners + 1] = holder
    end
end
local version = redis.call('HGET', cluster, 'version') or '0'
if changed then
    -- Not only one more: a replica that lost the last changes must not come to the same number by others.
    version = string.format('%.0f', math.max(tonumber(version) + 1, time[1] * 1000000 + time[2]))
    redis.call('HSET', cluster, 'version', version)
end
return {version, winners}
