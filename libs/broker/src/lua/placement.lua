-- What the queue is to hand out. Needs queue.lua.

-- Has the request wait again, for the same attempt or, with a new ticket, the next one. Its job is due after the delay, ms; the cool-down is part of the
-- wait. Needs r.state as it was before, r.ticket, r.attempt, r.target, r.targets.
local function wait_in_queue(target, delay, is_next)
  if r.state == 'running' then redis.call('ZREM', LEASES, ID) else unwatch(true) end
  local chosen = cjson.decode(r.targets)[target + 1]
  if is_next then set('ticket', new_ticket(chosen.provider)) end
  set('state', 'waiting', 'target', target, 'provider', chosen.provider, 'token', '', 'worker', '',
    'due', int(now() + delay))
  watch(chosen.maxQueueWaitMs)
end

-- A job to add. Needs r.attempt, r.placement, r.target, r.provider, r.due.
local function placed(kind)
  local delay = math.max(0, tonumber(r.due or 0) - now())
  return { kind, tonumber(r.attempt), tonumber(r.placement), tonumber(r.target), r.provider, delay }
end
