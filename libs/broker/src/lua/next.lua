-- Moves a request on to another target, or to the same one again. ARGV: 3 guard (epoch|attempt), 4 its value, 5 target,
-- 6 attempt record JSON, 7 delay of its job ms, 8 retry 0|1.
-- Returns {'placed', attempt, placement, target, provider, delay ms}, also to the same move again; else {'no'}.
if not load_all() or r.state == 'ended' then return { 'no' } end
local by = guard_name(ARGV[3], ARGV[4])
if r.moved_by == by then return placed('placed') end
if r.visible == '1' or not allows(ARGV[3], ARGV[4]) or not cjson.decode(r.targets)[tonumber(ARGV[5]) + 1] then
  return { 'no' }
end
leave_run()
redis.call('ZREM', WAITING, r.ticket)
save('target', ARGV[5], 'attempt', tonumber(r.attempt) + 1, 'placement', 1, 'starts', 0, 'moved_by', by,
  'trail', r.trail .. (r.trail == '' and '' or ',') .. ARGV[6])
wait_in_queue(true, tonumber(ARGV[7]))
if ARGV[8] == '1' then redis.call('ZADD', RETRYING, r.due, ID) end
return placed('placed')
