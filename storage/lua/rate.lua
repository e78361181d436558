-- Generic cell rate: KEYS[1] holds the time at which the bucket is full again, in µs of the server's clock.
-- ARGV: µs for each unit, burst in units, cost in units; a negative cost gives back. Returns 0 or the µs to wait,
-- and the µs until the bucket is full again.
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- What lies further ahead than an empty bucket was written before the clock was put back.
local before = math.min(tonumber(redis.call('GET', KEYS[1]) or now), now + interval * burst)
local full_at = math.max(math.max(before, now) + interval * cost, now)
local wait = full_at - now - interval * burst
if wait > 0 then
    return {math.ceil(wait), math.ceil(math.max(before - now, 0))}
end
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1)
return {0, math.ceil(full_at - now)}
