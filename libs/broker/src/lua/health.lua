-- Changes one field of the health HASH if it still holds what the change was decided on, and tells every process. A
-- change that is sent again finds its own result there, which is what it returns.
-- KEYS: 1 health HASH. ARGV: 1 channel, 2 field, 3 what it held ('' no such field), 4 what it is to hold ('' none)
-- Returns what the field holds now.
local held = redis.call('HGET', KEYS[1], ARGV[2]) or ''
if held ~= ARGV[3] then return held end
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[1], ARGV[2])
else
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
end
-- JSON holds no newline; the name of a model may.
redis.call('PUBLISH', ARGV[1], ARGV[4] .. '\n' .. ARGV[2])
return ARGV[4]
