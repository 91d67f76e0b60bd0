-- Who may end or move a request.

-- Needs r.epoch, r.attempt, r.deadline.
local function allows(guard, value)
  if guard == 'epoch' then return r.state == 'running' and r.epoch == value end
  if guard == 'attempt' then return r.state == 'waiting' and r.attempt == value end
  if guard == 'deadline' then return now() >= tonumber(r.deadline) end
  if guard == 'orphan' then
    local due = redis.call('ZSCORE', ORPHANS, ID)
    return due and now() >= tonumber(due)
  end
  return guard == 'any'
end

local function guard_name(guard, value)
  return value == '' and guard or guard .. ':' .. value
end
