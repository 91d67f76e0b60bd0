-- The first act of whoever holds a job: starts a run, or says why not.
-- ARGV: 3 attempt, 4 token of this execution, 5 worker
-- Returns {'run', epoch, attempt, start, target, targets, model, application, stream, include usage, remaining ms,
--          timeout ms, trail, body, endpoint}, {'done'}, {'busy'} or {'superseded', attempt, placement, target, provider, delay ms}
local MAX_STARTS = 3
local DEAD_ROWS = '1000'
local attempt, token, worker = tonumber(ARGV[3]), ARGV[4], ARGV[5]

-- The time between two claims of a provider that had others waiting: what a place in its queue costs.
local function measure_pace(provider)
  local at, mean, behind = provider .. ':at', provider .. ':mean', provider .. ':behind'
  local seen = redis.call('HMGET', PACE, at, mean, behind)
  local was_behind, is_behind = seen[3] == '1', depth(provider) > 0
  -- Nobody had to wait: when this was does not matter.
  if seen[3] and not was_behind and not is_behind then return end
  local measured = { at, int(now()), behind, is_behind and '1' or '0' }
  if was_behind then
    local gap = now() - seen[1]
    measured[5], measured[6] = mean, int(seen[2] and math.floor(0.8 * seen[2] + 0.2 * gap) or gap)
  end
  redis.call('HSET', PACE, unpack(measured))
end

local function start_run()
  lose_run()
  redis.call('ZADD', LEASES, int(now() + LEASE_MS), ID)
  local target = cjson.decode(r.targets)[r.target + 1]
  if r.state == 'waiting' then unwatch(target.maxQueueWaitMs) end
  measure_pace(r.provider)
  set('state', 'running', 'epoch', int(r.epoch + 1), 'starts', int(r.starts + 1), 'token', token, 'worker', worker,
    'seq', '0')
  if not r.claimed then set('claimed', int(now())) end
  write(r.epoch .. '-0', 'start', cjson.encode({
    v = 1, epoch = tonumber(r.epoch), attempt = tonumber(r.attempt), provider = target.provider,
    model = target.model, location = target.location, queueMs = now() - r.created,
    dropped = target.dropped,
  }))
  save()
  publish()
  redis.call('PEXPIREAT', LOG, int(r.deadline + 3600000))
end

-- The dead letter of a kept request keeps its body as well, so that it can be tried again.
local function give_up(body)
  load_to_end()
  local keeps_body = body and r.keep and r.keep ~= ''
  redis.call('XADD', DEAD, 'MAXLEN', '~', DEAD_ROWS, '*', 'v', '1', 'request', ID, 'application', r.application,
    'model', r.model, 'provider', r.provider, 'attempt', r.attempt, 'starts', r.starts, 'at', int(now()),
    'kept', keeps_body and '1' or '0')
  finish('failed', 'internal_error', cjson.encode({ request = ID }), 'claim', keeps_body)
end

local function run(body)
  return { 'run', tonumber(r.epoch), tonumber(r.attempt), tonumber(r.starts), tonumber(r.target), r.targets, r.model,
    r.application, r.stream, r.include_usage, r.deadline - now(), tonumber(r.timeout), '[' .. r.trail .. ']', body,
    r.endpoint }
end

if not load('attempt', 'epoch', 'starts', 'token', 'visible', 'target', 'targets', 'provider', 'ticket', 'created',
  'claimed', 'deadline', 'timeout', 'last', 'readers', 'trail', 'model', 'application', 'stream', 'include_usage',
  'endpoint')
  or r.state == 'ended' or attempt > tonumber(r.attempt) then
  return { 'done' }
end
if attempt < tonumber(r.attempt) then
  load('placement', 'due')
  return placed('superseded')
end
if now() >= tonumber(r.deadline) then
  load_to_end()
  finish('failed', 'deadline_exceeded', cjson.encode({ seconds = r.timeout / 1000 }), 'claim')
  return { 'done' }
end
local body = redis.call('GET', BODY)
if r.state == 'running' then
  if r.token == token and body then return run(body) end
  if is_leased() then return { 'busy' } end
  if r.visible == '1' then
    lose_run()
    load_to_end()
    interrupt('claim')
    return { 'done' }
  end
end
if tonumber(r.starts) >= MAX_STARTS or not body then
  lose_run()
  give_up(body)
  return { 'done' }
end
start_run()
return run(body)
