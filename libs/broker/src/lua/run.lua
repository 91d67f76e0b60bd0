-- A run, and what its call cost.
local LEASE_MS = 5000
local USAGE_ROWS = '100000'

-- A row per upstream call, once: by the run itself, or by whoever found it lost; usage '' marks a run that made no
-- call. A removal comes first: a script that has removed something may go on in a Redis that is full.
-- Needs r.application.
local function settle(epoch, by, usage)
  redis.call('ZREM', UNSETTLED, ID .. '|' .. epoch)
  local field = 'usage:' .. epoch
  if redis.call('HSETNX', REQ, field, by) == 0 then return redis.call('HGET', REQ, field) == by and 1 or 0 end
  r[field] = by
  if usage == '' then return 1 end
  redis.call('XADD', USAGE, 'MAXLEN', '~', USAGE_ROWS, '*', 'v', '1', 'request', ID, 'epoch', epoch,
    'application', r.application, 'usage', usage)
  return 1
end

-- What a run itself says; it is no row of a run that never was. Needs r.epoch, r.application.
local function settle_own(epoch, usage)
  local run = tonumber(epoch)
  if run < 1 or run > tonumber(r.epoch) then return 0 end
  return settle(epoch, usage == '' and 'none' or 'run', usage)
end

-- Is there a run that has not said what its call cost? Needs r.epoch.
local function is_owing()
  if r.state ~= 'running' or r['usage:' .. r.epoch] then return false end
  return redis.call('HEXISTS', REQ, 'usage:' .. r.epoch) == 0
end

-- A run that is over but has not said what its call cost has a lease's time left to do so. The caller saves.
-- Needs r.epoch, r.target.
local function leave_run()
  if not is_owing() then return end
  redis.call('ZADD', UNSETTLED, int(now() + LEASE_MS), ID .. '|' .. r.epoch)
  set('owed:' .. r.epoch, r.target)
end
