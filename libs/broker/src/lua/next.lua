-- Moves a request on to another target, or to the same one again. ARGV: 3 guard (epoch|attempt), 4 its value, 5 target,
-- 6 attempt record JSON, 7 delay of its job ms, 8 retry 0|1.
-- Returns {'placed', attempt, placement, target, provider, delay ms}, also to the same move again; else {'no'}.
local guard, value, target, record = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if not load('attempt', 'placement', 'target', 'targets', 'provider', 'due', 'epoch', 'visible', 'ticket', 'moved_by',
  'trail') or r.state == 'ended' then
  return { 'no' }
end
local by = guard_name(guard, value)
if r.moved_by == by then return placed('placed') end
if r.visible == '1' or not allows(guard, value) or not cjson.decode(r.targets)[target + 1] then return { 'no' } end
leave_run()
wait_in_queue(target, ARGV[7], true)
set('attempt', int(r.attempt + 1), 'placement', '1', 'starts', '0', 'moved_by', by,
  'trail', r.trail .. (r.trail == '' and '' or ',') .. record)
save()
if ARGV[8] == '1' then redis.call('ZADD', RETRYING, r.due, ID) end
return placed('placed')
