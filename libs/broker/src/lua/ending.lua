-- The end of a request. Needs log.lua, run.lua and queue.lua.
local ENDED_TTL_MS = '60000'
local END_ID = '9007199254740991-0'

local function elapsed(field)
  return r[field] and int(r[field] - r.created) or 'null'
end

-- How long an ended request stays readable: a plain one for a reader that is slow, a kept one as long as was asked.
local function ended_ttl()
  return r.keep and r.keep ~= '' and r.keep or ENDED_TTL_MS
end

-- Ends the request, once and for all. params is JSON, code '' where there is none. A run that did not end it itself
-- is told; its lease renewal would tell it within a second anyway.
-- Needs the fields that `load_to_end` reads.
local function finish(outcome, code, params, by, keep_body)
  leave_run()
  redis.call('ZREM', DEADLINES, ID)
  redis.call('ZREM', ORPHANS, ID)
  if r.state == 'running' then
    redis.call('ZREM', LEASES, ID)
    if string.sub(by, 1, 6) ~= 'epoch:' then
      tell(r.worker, ID .. ' ' .. r.epoch .. ' - stop 0\n', '')
    end
  else
    unwatch(true)
  end
  local ttl = ended_ttl()
  if keep_body then redis.call('PEXPIRE', BODY, ttl) else redis.call('DEL', BODY) end
  set('state', 'ended', 'outcome', outcome, 'code', code, 'sealed_by', by, 'ended', int(now()))
  write(END_ID, 'end', '{"v":1,"outcome":"' .. outcome .. '","code":' .. (code == '' and 'null' or '"' .. code .. '"')
    .. ',"params":' .. params .. ',"trail":[' .. r.trail .. '],"attempts":' .. r.attempt
    .. ',"queueMs":' .. elapsed('claimed') .. ',"firstOutputMs":' .. elapsed('first')
    .. ',"totalMs":' .. elapsed('ended') .. '}')
  save()
  publish()
  redis.call('PEXPIRE', REQ, ttl)
  redis.call('PEXPIRE', LOG, ttl)
end

-- Reads what an end needs, and these fields.
local function load_to_end(...)
  return load('attempt', 'epoch', 'ticket', 'target', 'last', 'readers', 'trail', 'worker', 'created', 'claimed',
    'first', 'keep', ...)
end

-- Needs r.provider as well.
local function interrupt(by)
  finish('failed', 'stream_interrupted', cjson.encode({ provider = r.provider, reason = 'its worker stopped' }), by)
end
