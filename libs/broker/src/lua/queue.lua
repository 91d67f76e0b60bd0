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

-- Has the attempt wait, for the first time or again. Its job is due after the delay, ms; the cool-down is part of the
-- wait. Needs r.state as it was before, r.ticket, r.attempt, r.target, r.targets.
local function wait_in_queue(target, delay, is_new)
  if r.state == 'running' then redis.call('ZREM', LEASES, ID) else unwatch(true) end
  local chosen = cjson.decode(r.targets)[target + 1]
  if is_new then set('ticket', new_ticket(chosen.provider)) end
  set('state', 'waiting', 'target', target, 'provider', chosen.provider, 'token', '', 'worker', '',
    'due', int(now() + delay))
  watch(chosen.maxQueueWaitMs)
end

-- A job to add. Needs r.attempt, r.placement, r.target, r.provider, r.due.
local function placed(kind)
  local delay = math.max(0, tonumber(r.due or 0) - now())
  return { kind, tonumber(r.attempt), tonumber(r.placement), tonumber(r.target), r.provider, delay }
end
