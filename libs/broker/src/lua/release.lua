-- Hands a run back as if it had not started. ARGV: 3 epoch.
-- A new placement, since whoever looked after the old one may be about to confirm or complete it.
-- Returns {'placed', attempt, placement, target, provider, delay ms}, also to the same release again; {'no'} if another holds
-- the request, it ended, or its output was seen.
if not load_all() then return { 'no' } end
local by = 'release:' .. ARGV[3]
if r.state == 'waiting' and r.moved_by == by then return placed('placed') end
if not allows('epoch', ARGV[3]) or r.visible == '1' then return { 'no' } end
leave_run()
save('placement', tonumber(r.placement) + 1, 'starts', tonumber(r.starts) - 1, 'moved_by', by)
wait_in_queue(false, 0)
return placed('placed')
