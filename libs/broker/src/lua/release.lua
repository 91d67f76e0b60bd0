-- Hands a run back as if it had not started. ARGV: 3 epoch.
-- A new placement, since whoever looked after the old one may be about to confirm or complete it.
-- Returns {'placed', attempt, placement, target, provider, delay ms}, also to the same release again; {'no'} if another holds
-- the request, it ended, or its output was seen.
if not load('attempt', 'placement', 'target', 'targets', 'provider', 'due', 'epoch', 'visible', 'ticket', 'moved_by',
  'starts') then
  return { 'no' }
end
local by = 'release:' .. ARGV[3]
if r.state == 'waiting' and r.moved_by == by then return placed('placed') end
if not allows('epoch', ARGV[3]) or r.visible == '1' then return { 'no' } end
leave_run()
wait_in_queue(r.target, 0, false)
set('placement', int(r.placement + 1), 'starts', int(r.starts - 1), 'moved_by', by)
save()
return placed('placed')
