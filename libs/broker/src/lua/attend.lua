-- A replica says which requests it reads, and learns how far their logs are and where they wait.
-- KEYS: 1 orphans, 2 waiting, 3 pace, then req and log of each request. ARGV: the ids in the same order.
-- Returns for each: {last log id or '' if the request is unknown or was removed, state, position or 0, pace ms or ''}
local ORPHAN_MS, ENDED_TTL_MS = 30000, 60000
local now = clock()
local replies = {}
for i, id in ipairs(ARGV) do
  local req, log = KEYS[2 + 2 * i], KEYS[3 + 2 * i]
  local seen = redis.call('HMGET', req, 'last', 'state', 'ticket', 'provider', 'keep', 'removed')
  local position, pace = 0, ''
  if seen[6] then
    seen = {}
  elseif seen[2] == 'ended' then
    if redis.call('PTTL', req) < ENDED_TTL_MS then
      redis.call('PEXPIRE', req, ENDED_TTL_MS)
      redis.call('PEXPIRE', log, ENDED_TTL_MS)
    end
  elseif seen[2] then
    -- One that is kept has no orphan's due time, and gets none.
    if not seen[5] or seen[5] == '' then redis.call('ZADD', KEYS[1], now + ORPHAN_MS, id) end
    if seen[2] == 'waiting' then
      position = redis.call('ZLEXCOUNT', KEYS[2], '[' .. seen[4] .. '|', '[' .. seen[3])
      pace = redis.call('HGET', KEYS[3], seen[4] .. ':mean') or ''
    end
  end
  replies[i] = { seen[1] or '', seen[2] or '', position, pace }
end
return replies
