-- Generic cell rate: each of KEYS holds the time at which its bucket is full again, in µs of the server's clock.
-- ARGV: the cost in units, which all buckets have to bear or none does, and which gives back if it is negative; then for
-- each bucket the µs for a unit and the burst in units. Returns 0 or the µs to wait for the first that refuses, and the
-- µs until that one, or the last one, is full again.
local cost = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at = {}
for number, key in ipairs(KEYS) do
    local interval, burst = tonumber(ARGV[2 * number]), tonumber(ARGV[2 * number + 1])
    -- What lies further ahead than an empty bucket was written before the clock was put back.
    local before = math.min(tonumber(redis.call('GET', key) or now), now + interval * burst)
    full_at[number] = math.max(math.max(before, now) + interval * cost, now)
    local wait = full_at[number] - now - interval * burst
    if wait > 0 then
        return {math.ceil(wait), math.ceil(math.max(before - now, 0))}
    end
end
for number, key in ipairs(KEYS) do
    local ms = math.ceil((full_at[number] - now) / 1000) + 1
    redis.call('SET', key, string.format('%.0f', full_at[number]), 'PX', ms)
end
return {0, math.ceil(full_at[#KEYS] - now)}
