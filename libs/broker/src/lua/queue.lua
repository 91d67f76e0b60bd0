-- The wait for a provider.
local PLACEMENT_GRACE_MS = 2000

-- How many attempts wait for the provider.
local function depth(provider)
  return redis.call('ZLEXCOUNT', WAITING, '[' .. provider .. '|', '(' .. provider .. '|~')
end

-- An attempt's place in its provider's queue, which it keeps when it runs again after a crash or a hand-back.
local function new_ticket(provider)
  return string.format('%s|%015d|%s', provider, now(), ID)
end

-- Puts an attempt that waits where the sweeper watches it, with when it has waited long enough if there is such a
-- time. Needs r.ticket.
local function watch(max_wait)
  redis.call('ZADD', WAITING, '0', r.ticket)
  redis.call('ZADD', UNPLACED, int(now() + PLACEMENT_GRACE_MS), ID)
  if max_wait then redis.call('ZADD', WAITS, int(now() + max_wait), ID) end
end

-- The other way round: it runs, moves on or ends. Only `next` makes retries, so a first attempt is none. max_wait as
-- in watch, or true where that is not known. Needs r.ticket, r.attempt.
local function unwatch(max_wait)
  redis.call('ZREM', WAITING, r.ticket)
  redis.call('ZREM', UNPLACED, ID)
  if max_wait then redis.call('ZREM', WAITS, ID) end
  if r.attempt ~= '1' then redis.call('ZREM', RETRYING, ID) end
end
