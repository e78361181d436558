-- A node's heartbeat: says that it is here, drops those who have been silent, answers who is here and who holds what.
--
-- KEYS: cluster (hash: id, since, beat, version), members (hash: name -> incarnation .. record),
--       seen (sorted set: name -> ms), shards (hash: shard -> name@incarnation), the node's own inbox (stream).
-- ARGV: cluster id, name, incarnation (16 characters), record, silent after ms, table version known,
--       what: 'join' (also replaces an earlier process of this name), 'stay' or 'leave'.
-- Answers {'ok', age of this data in ms, version, {name, incarnation .. record, ...}, {shard, holder, ...} or nil},
--         {'wrong cluster', its id} or {'replaced', by which incarnation}.
local cluster, members, seen, shards, inbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, name, incarnation, record = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local silent, known, what = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local theirs = redis.call('HGET', cluster, 'id')
if theirs and theirs ~= id then
    return {'wrong cluster', theirs}
end
if not theirs then
    -- The version begins at the time in µs, so that a Redis that lost its data never repeats one.
    local version = string.format('%.0f', time[1] * 1000000 + time[2])
    redis.call('HSET', cluster, 'id', id, 'since', now, 'version', version)
end

local mine = redis.call('HGET', members, name)
if mine and string.sub(mine, 1, 16) ~= incarnation and what ~= 'join' then
    return {'replaced', string.sub(mine, 1, 16)}
end

-- When nobody at all was heard for so long it was Redis that was away: everyone has that time once more.
local last = tonumber(redis.call('HGET', cluster, 'beat') or 0)
local was_away = now - last > silent or now < last
local since = was_away and '-inf' or '(' .. now
for _, other in ipairs(redis.call('ZRANGEBYSCORE', seen, since, '+inf')) do
    redis.call('ZADD', seen, now, other)
end
for _, other in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', '(' .. now - silent)) do
    redis.call('ZREM', seen, other)
    redis.call('HDEL', members, other)
end
if now < last then
    -- The clock was put back: the age of the data must not shrink with it.
    redis.call('HSET', cluster, 'since', tonumber(redis.call('HGET', cluster, 'since')) - (last - now))
end
redis.call('HSET', cluster, 'beat', now)

if what == 'leave' then
    redis.call('HDEL', members, name)
    redis.call('ZREM', seen, name)
    redis.call('DEL', inbox)
else
    if what == 'join' then
        redis.call('DEL', inbox)
    end
    redis.call('HSET', members, name, incarnation .. record)
    redis.call('ZADD', seen, now, name)
    redis.call('PEXPIRE', inbox, 60000)
end

local version = redis.call('HGET', cluster, 'version')
local holders = false
if version ~= known then
    holders = redis.call('HGETALL', shards)
end
local age = now - tonumber(redis.call('HGET', cluster, 'since'))
return {'ok', age, version, redis.call('HGETALL', members), holders}
